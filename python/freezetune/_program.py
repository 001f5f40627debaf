"""Where the program is that was installed with this package."""

import importlib.metadata
import os
import sysconfig
from typing import Iterator


def _candidates() -> Iterator[str]:
    try:
        files = importlib.metadata.files("freezetune") or []
    except importlib.metadata.PackageNotFoundError:
        files = []
    for file in files:
        if file.name == "freezetune" and file.parent.name == "bin":
            yield os.path.realpath(file.locate())
    for folder in (sysconfig.get_path("scripts"), sysconfig.get_path("scripts", "posix_user")):
        yield os.path.join(folder, "freezetune")


def program() -> str:
    """The path of the program. FileNotFoundError: it is not where the package was installed."""
    for path in _candidates():
        if os.access(path, os.X_OK) and os.path.isfile(path):
            return os.path.abspath(path)
    raise FileNotFoundError("the program freezetune is not beside its Python package: install the wheel again")
