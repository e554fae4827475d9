"""Files and errors: reading, writing, locking and checking them, with sentences for what is wrong."""
