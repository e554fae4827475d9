"""What users see of an error: one sentence that says what is wrong, where, and what to do."""

import errno
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SHOW_TRACEBACK = "ENTROPYREG_TRACEBACK"  # set to anything, this environment variable shows where an error comes from
MALFORMED = (LookupError, TypeError, ValueError, AttributeError, ArithmeticError)  # what reading a wrong value raises
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
NO_MEMORY = ("out of memory", "can't allocate memory", "ALLOC_FAILED")  # of torch on a GPU, on a CPU, and of cuBLAS
MORE_MEMORY = "free some, run fewer jobs at once (--cores) or use smaller batches, then run the same command again"
PACKAGE = str(Path(__file__).parent)


class UserError(Exception):
    """Bad input, configuration or data.

    The message is one sentence that names the key or file, the value found, and what is allowed.
    The command line prints it without a traceback and exits with status 2.
    """


@contextmanager
def blaming(path: str | Path) -> Iterator[None]:
    """Turn what reading a wrong value raises into a `UserError` that names the file that the value came from."""
    try:
        yield
    except MALFORMED as error:
        raise UserError(malformed(error, path)) from error


@contextmanager
def naming(path: str | Path) -> Iterator[None]:
    """Put the file before a `UserError` about what it holds, where that does not name it already."""
    try:
        yield
    except UserError as error:
        if str(path) in str(error):
            raise
        raise UserError(f"{path}: {error}") from error


def sentence_of(error: BaseException, read: str | Path | None = None, written: str | Path | None = None) -> str | None:
    """An error in one sentence for users, None for one that is a mistake of this package.

    `read` is the file or folder of other stages' outputs that the failing stage was given, `written` the folder that it
    writes to, if any.
    """
    if isinstance(error, UserError):
        return " ".join(str(error).splitlines())  # a value in it may have several lines
    if out_of_memory(error):
        return f"{written or 'the stage'}: memory ran out ({said(error)}): {MORE_MEMORY}."
    if isinstance(error, OSError) and error.errno is not None:
        return refused(error, written)
    if isinstance(error, RuntimeError):
        return unsaved(error, written)
    return malformed(error, read) if read is not None and isinstance(error, MALFORMED) else None


def out_of_memory(error: BaseException) -> bool:
    """Whether Python, numpy, torch or the system had no memory left; torch is not loaded, so its words decide."""
    if isinstance(error, RuntimeError):
        return any(words in str(error) for words in NO_MEMORY)
    return isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM)


def tell_of_memory(error: BaseException, run: str, update: int) -> None:
    """Raise a `UserError` with the run and its last update if `error` is that memory ran out; else return."""
    if out_of_memory(error):
        raise UserError(
            f"run '{run}' ran out of memory after update {update} ({said(error)}): {MORE_MEMORY}."
        ) from None


def said(error: BaseException) -> str:
    """The first sentence of an error of another library, shortened; its type if it says nothing."""
    return " ".join(str(error).split()).partition(". ")[0].rstrip(".")[:200] or type(error).__name__


def refused(error: OSError, folder: str | Path | None = None) -> str:
    """What the operating system refused, and where: `folder` if the error does not say."""
    place = error.filename or folder
    if place is None:
        return f"{error.strerror}: mend that, then run the same command again."
    if error.errno in FULL:
        return f"{place} cannot be written ({error.strerror}): make room, then run the same command again."
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"{place} is refused ({error.strerror}): give access to it, or choose another folder, and run again."
    if error.errno == errno.ENOENT:
        return f"{place} is missing: run again, which makes it if it is an output of the workflow."
    return f"{place}: {error.strerror}."


def unsaved(error: BaseException, folder: str | Path | None) -> str | None:
    """A full disk while torch saves: its own error has hidden the system's, or stands for it; None for other errors."""
    hidden = error.__cause__ or error.__context__
    while hidden is not None:
        if isinstance(hidden, OSError) and hidden.errno in FULL:
            return refused(hidden, folder)
        hidden = hidden.__cause__ or hidden.__context__
    if "inline_container" not in str(error):  # torch's writer of archives
        return None
    return f"{folder or 'a checkpoint'} cannot be written, probably for lack of space: make room, then run again."


def malformed(error: Exception, path: str | Path) -> str:
    """Which line of the package could not use what it read."""
    frames = [one for one in traceback.extract_tb(error.__traceback__) if one.filename.startswith(PACKAGE)]
    place = f"{Path(frames[-1].filename).relative_to(PACKAGE)}, line {frames[-1].lineno}" if frames else "reading"
    what = " ".join(f"{type(error).__name__}: {error}".split()).rstrip(".")
    return (
        f"{path} does not hold what is read from it ({what[:200]}; {place}): delete it and run again, which makes it "
        f"anew; if that does not help, it is a mistake of entropyreg ({SHOW_TRACEBACK}=1 shows where)."
    )
