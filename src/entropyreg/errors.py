"""The one exception that users see: a mistake that they can mend, told in a sentence."""


class UserError(Exception):
    """Bad input, configuration or data.

    The message is one sentence that names the key or file, the value found, and what is allowed.
    The command line prints it without a traceback and exits with status 2.
    """
