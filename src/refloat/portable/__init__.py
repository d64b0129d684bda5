"""Undo for a registry that stays what it is: what a delete takes is kept in a trash of our own beside it.

Nothing here touches the registry's disk. A delete goes in this order, and a crash between any two of its steps is
finished or taken back by running the verb again:

1. look: read the image whole, with what refers to it and every tag on it (`looking`), decide what goes (`plan`),
   and see that the registry does just that (`guarding`)
2. keep: pin every byte of it on a shelf, with the facts (`facts`, `shelf`, `keeping`), and mark the entry `begun`
3. delete: what needs before what is needed (`removing`)
4. check: it is gone, and every byte kept can be read; only then is the entry marked `deleted`

Bringing back reads the facts, puts everything where it was, reads all of it, and only then says so (`restoring`). What
is kept stays kept until its date, also when it was brought back: a collection that runs meanwhile must find it there.
"""
