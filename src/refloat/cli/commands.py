"""The verbs of the command line, known by name and sentence without importing them."""

COMMANDS = {
    "ls": ("refloat.cli.ls:ls", "List repositories, or the images of one."),
    "show": ("refloat.cli.show:show", "Show one image: platforms, layers, what refers to it."),
    "history": ("refloat.cli.history:history", "Show every value a tag has had."),
    "log": ("refloat.cli.log:log", "List changes, newest first."),
    "du": ("refloat.cli.du:du", "Show where the space goes."),
    "rm": ("refloat.cli.rm:rm", "Move images to the trash."),
    "trash": ("refloat.cli.trash:trash", "List what can be brought back."),
    "undo": ("refloat.cli.undo:undo", "Take a change back; without an id, the last one made here."),
    "restore": ("refloat.cli.restore:restore", "Bring back a deleted image, or an earlier value of a tag."),
    "purge": ("refloat.cli.purge:purge", "End an image or a layer for good: nothing brings it back."),
    "gc": ("refloat.cli.gc:gc", "Collect now what is due, while everybody goes on working."),
    "completion": ("refloat.cli.completion:completion", "Print a completion script for a shell."),
}
