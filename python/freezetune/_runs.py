"""Run folders as Python's own types."""

import csv
import io
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, Optional, Union

Value = Union[int, float, str, None]
Row = Dict[str, Value]
_FLAGS = ("best",)


class RunError(Exception):
    """A folder is no run, or a file of it is not what it should be: which, and what is wrong."""


@dataclass(frozen=True)
class Prediction:
    """A row of predictions_val.csv. `rest` has the columns that this version does not know."""

    file: str
    true_class: str
    predicted: str
    probability: float
    class_probability: float
    right: bool
    rest: Mapping[str, str]


def _number(text: str) -> Value:
    """An int, a float, None for an empty field, else the text."""
    if text == "":
        return None
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            pass
    return text


def _lines(path: Path, growing: bool = False) -> List[List[str]]:
    """The fields of a CSV file, first line included. `growing`: the last line may be unfinished, and is then left out."""
    try:
        with open(path, encoding="utf-8", errors="surrogateescape", newline="") as file:
            text = file.read()
    except OSError as error:
        raise RunError(f"{path}: {error.strerror}") from error
    if growing and not text.endswith("\n"):
        text = text[: text.rfind("\n") + 1]
    lines = list(csv.reader(io.StringIO(text, newline="")))
    if not lines:
        raise RunError(f"{path}: is empty")
    for number, line in enumerate(lines[1:], 2):
        if len(line) != len(lines[0]):
            raise RunError(f"{path}: row {number} has {len(line)} fields, the first line {len(lines[0])}")
    return lines


def _table(path: Path, growing: bool = False) -> List[Dict[str, str]]:
    """The rows of a CSV file by the names in its first line."""
    lines = _lines(path, growing)
    return [dict(zip(lines[0], line)) for line in lines[1:]]


class Run:
    """A run folder. Files are read when they are asked for, so a run can be watched while it trains."""

    def __init__(self, folder: Union[str, "os.PathLike[str]"]) -> None:
        self.folder = Path(folder)
        if not (self.folder / "config.json").is_file():
            raise RunError(f"{self.folder}: is no run folder (it has no config.json)")

    def __repr__(self) -> str:
        return f"Run({str(self.folder)!r})"

    def _json(self, name: str) -> Dict[str, Any]:
        path = self.folder / name
        try:
            value = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
        except OSError as error:
            raise RunError(f"{path}: {error.strerror}") from error
        except ValueError as error:
            raise RunError(f"{path}: is not JSON: {error}") from error
        if not isinstance(value, dict):
            raise RunError(f"{path}: is not an object")
        return value

    @property
    def config(self) -> Dict[str, Any]:
        """config.json: options, classes, photos, versions."""
        return self._json("config.json")

    @property
    def classes(self) -> List[str]:
        """The names of the classes in the order of the outputs."""
        return [str(name) for name in self.config.get("classes", [])]

    @property
    def result(self) -> Optional[Dict[str, Any]]:
        """result.json, or None while the run is not over."""
        return self._json("result.json") if (self.folder / "result.json").exists() else None

    @property
    def model(self) -> Path:
        """The best model so far. It may not be there yet."""
        return self.folder / "best.safetensors"

    def metrics(self) -> List[Row]:
        """metrics.csv: a row per epoch, numbers as numbers, `best` as a bool."""
        rows = []
        for line in _table(self.folder / "metrics.csv", growing=True):
            row = {name: _number(text) for name, text in line.items()}
            row.update({name: row[name] == 1 for name in _FLAGS if name in row})
            rows.append(row)
        return rows

    @property
    def best(self) -> Optional[Row]:
        """The row of the best epoch: the last one that was the best so far. None before the first."""
        best = [row for row in self.metrics() if row.get("best")]
        return best[-1] if best else None

    def predictions(self) -> List[Prediction]:
        """predictions_val.csv: the best epoch on each validation photo."""
        path, known = self.folder / "predictions_val.csv", ("file", "class", "predicted", "probability", "class_probability", "right")
        rows = []
        for row in _table(path):
            try:
                rows.append(
                    Prediction(
                        file=row["file"],
                        true_class=row["class"],
                        predicted=row["predicted"],
                        probability=float(row["probability"]),
                        class_probability=float(row["class_probability"]),
                        right=row["right"] == "1",
                        rest={name: text for name, text in row.items() if name not in known},
                    )
                )
            except (KeyError, ValueError) as error:
                raise RunError(f"{path}: {error}: not a table of predictions") from error
        return rows

    def probabilities(self) -> Dict[str, Dict[str, float]]:
        """probabilities_val.csv: for each validation photo the probability of each class."""
        path = self.folder / "probabilities_val.csv"
        try:
            first, *lines = _lines(path)
            return {line[0]: {name: float(text) for name, text in zip(first[2:], line[2:])} for line in lines}
        except (IndexError, ValueError) as error:
            raise RunError(f"{path}: {error}: not a table of probabilities") from error

    def confusion(self) -> Dict[str, Dict[str, int]]:
        """confusion.csv: confusion()[class][predicted] photos."""
        path = self.folder / "confusion.csv"
        try:
            first, *lines = _lines(path)
            return {line[0]: {name: int(text) for name, text in zip(first[1:], line[1:])} for line in lines}
        except (IndexError, ValueError) as error:
            raise RunError(f"{path}: {error}: not a confusion matrix") from error

    def log(self) -> Iterator[Dict[str, Any]]:
        """log.jsonl: an object per step and epoch; an unfinished last line is left out."""
        path = self.folder / "log.jsonl"
        try:
            with open(path, encoding="utf-8", errors="surrogateescape") as file:
                for number, line in enumerate(file, 1):
                    if line.endswith("\n"):
                        try:
                            yield json.loads(line)
                        except ValueError as error:
                            raise RunError(f"{path}: line {number} is not JSON: {error}") from error
        except OSError as error:
            raise RunError(f"{path}: {error.strerror}") from error


def runs(folder: Union[str, "os.PathLike[str]"] = "runs") -> List[Run]:
    """The runs in a folder, also those of sweeps and folds in it, by name (numbers by value)."""

    def key(path: Path) -> List[Any]:
        return [(0, int(part), "") if part.isdigit() else (1, 0, part) for part in path.parts]

    found = {path.parent for path in Path(folder).glob("**/config.json") if (path.parent / "metrics.csv").exists()}
    return [Run(path) for path in sorted(found, key=key)]
