"""What Snakemake shows of a failed job: its command without the settings, pages of JSON that hide what went wrong.

`--printshellcmds` shows every command whole, before it runs.
"""

import logging
import re

LOGGER = "snakemake.logging"
SETTINGS = re.compile(r"--settings '(?:[^']|'\"'\"')*'")  # one word, quoted as `shlex.quote` does
SHORT = "--settings '{...}'"


def shorten() -> None:
    """Let Snakemake's own messages pass through the filter; doing so again changes nothing."""
    logging.getLogger(LOGGER).addFilter(without_settings)


def without_settings(record: logging.LogRecord) -> bool:
    """Filter that shortens the command of a failed job, or those of a failed group of jobs; nothing is dropped.

    Snakemake shows the command twice: as a field of the job, and in the message of what its shell raised.
    """
    if record.levelno >= logging.ERROR:
        for found in (vars(record), *getattr(record, "job_error_info", ())):
            for field in {"shellcmd", "msg"} & set(found):
                if isinstance(found[field], str):
                    found[field] = SETTINGS.sub(SHORT, found[field])
    return True
