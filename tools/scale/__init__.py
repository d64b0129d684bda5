"""What a registry of a million tags costs beside one of ten thousand: rows generated, answers timed."""
