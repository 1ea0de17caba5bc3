"""The process that reads a file: it holds no secret, opens nothing, and dies of its limits rather than harm.

Started by `app.roster.jobs.reading`; takes a line of JSON and the file on stdin, writes rows on stdout, one
line each, and as the last line how it ended.
"""

import codecs
import json
import resource
import sys
from datetime import date

from app.platform.errors import DomainError
from app.roster.errors import FileUnreadable, ReadingTooCostly
from app.roster.rules.reading import read_file

MEMORY_BYTES = 512 * 1024 * 1024
CPU_SECONDS = 30
_STANDARD_STREAMS = 3
# Codecs are files too; cp437 is that of names in archives.
_CODECS = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "gb18030", "cp437", "latin-1", "ascii")


def main() -> None:
    """Read one file; the process ends with it."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for codec in _CODECS:
        codecs.lookup(codec)
    asked = json.loads(sys.stdin.buffer.readline())
    content = sys.stdin.buffer.read()
    close_the_doors()
    try:
        for row in read_file(content, asked["filename"], today=date.fromisoformat(asked["today"])):
            sys.stdout.write(row.to_line() + "\n")
        end: dict[str, object] = {"ended": "well"}
    except DomainError as error:
        end = {"ended": error.code, "params": dict(error.params)}
    except MemoryError:
        end = {"ended": ReadingTooCostly.code, "params": {}}
    except BaseException:
        end = {"ended": FileUnreadable.code, "params": {}}
    sys.stdout.write(json.dumps(end) + "\n")
    sys.stdout.flush()


def close_the_doors() -> None:
    """Let no file and no socket be opened from here on: only the standard streams have descriptors."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (_STANDARD_STREAMS, _STANDARD_STREAMS))
