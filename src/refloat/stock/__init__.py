"""The layout in which the reference registry (`registry:2`, distribution 2 and 3) keeps images in files. Read only."""
