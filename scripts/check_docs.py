"""Looks whether the documents name what is in the tree: files, folders, links, and in the maps of the code also functions and
types.

  python3 scripts/check_docs.py [ROOT]

Looked at are docs/**/*.md and the *.md of the root, scripts/ and tests/, but for CHANGELOG.md, which tells of the past.
  - a link to a file, and a #heading of one
  - a path below a folder of the sources (core/net/plan.h, core/net/plan.[ch], cli/cmd_*.c, core/ops/), anywhere
  - a name of a source file in backticks (`plan.h`)
  - in docs/architecture.md, the how-tos and CONTRIBUTING.md: a name_like_this, name(), struct name or enum name in backticks
What a diff in a document makes is there. Every folder of sources has to be named in docs/architecture.md, every script in scripts/README.md.
Prints each name that is not there; exit code 1 when there is one, or when there was next to nothing to look at.
"""
import glob
import itertools
import os
import re
import sys
from pathlib import Path

SOURCE_FOLDERS = ("cli", "core", "models", "weights", "scripts", "docs", "tests", ".ci")
CODE = ("cli", "core", "models", "weights")
SUFFIXES = (".c", ".h", ".py", ".sh", ".bats", ".md", ".bash", ".tsv")
PLACEHOLDER = re.compile(r"(^|[/_])(NAME|FOLDER)\b")
# Files of other programs that look like ours.
OTHERS = {"weights/best.pt", "weights/last.pt"}

root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parent.parent).resolve()
skipped = {"build", ".git", "runs", "__pycache__"}
files = [Path(folder, name).relative_to(root) for folder, folders, names in os.walk(root)
         if not folders.__setitem__(slice(None), [f for f in folders if f not in skipped]) for name in names]
names = {path.name for path in files}
sources = "\n".join((root / path).read_text(errors="replace") for path in files if path.suffix in (".c", ".h"))
words = set(re.findall(r"\w+", sources)) | set(re.findall(r"^[a-z][\w-]*(?=:)", (root / "Makefile").read_text(), re.M))
looked = wrong = 0


def say(path, line, text):
    global wrong
    wrong += 1
    print(f"{path}:{line}: {text}")


def expanded(pattern):
    """a/{b,c}.h is a/b.h and a/c.h."""
    found = re.search(r"\{([^{}]*)\}", pattern)
    if not found:
        return [pattern]
    before, after = pattern[:found.start()], pattern[found.end():]
    return list(itertools.chain(*(expanded(before + part + after) for part in found.group(1).split(","))))


def there(path, made):
    return all(part in made or part in OTHERS or glob.glob(str(root / part)) for part in expanded(path))


def slug(heading):
    return re.sub(r"[^\w\- ]", "", heading.lower().replace("`", "")).strip().replace(" ", "-")


def look(path):
    global looked
    text = (root / path).read_text()
    made = set(re.findall(r"^ *\+\+\+ b/(\S+)", text, re.M))
    new_words = set(re.findall(r"\w+", "\n".join(re.findall(r"^ *\+(.*)", text, re.M))))
    named = path.name == "CONTRIBUTING.md" or path.name == "architecture.md" or path.name.startswith("howto-")
    in_diff = False
    for number, line in enumerate(text.split("\n"), 1):
        if re.match(r" *```", line):
            in_diff = not in_diff and "diff" in line
        if in_diff:
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", line):
            if not re.match(r"[a-z]+:", target):
                looked += 1
                file, _, heading = target.partition("#")
                to = (root / path).parent / file if file else root / path
                if not to.exists():
                    say(path, number, f"the link {target} leads nowhere")
                elif heading and heading not in [slug(h) for h in re.findall(r"^#+ (.*)", to.read_text(), re.M)]:
                    say(path, number, f"{target}: there is no such heading")
        plain = re.sub(r"\]\([^)]*\)", "]", line)
        for name in re.findall(r"(?<![\w/.$<>~-])((?:" + "|".join(map(re.escape, SOURCE_FOLDERS)) + r")/[\w.*/{},\[\]-]*)", plain):
            name = re.sub(r"[.,\]]+$", "", name) if not name.endswith("[ch]") else name
            looked += 1
            if not PLACEHOLDER.search(name) and not there(name, made):
                say(path, number, f"{name} is not in the tree")
        for span in re.findall(r"`([^`]+)`", plain):
            if re.fullmatch(r"[\w.-]+", span) and span.endswith(SUFFIXES):
                looked += 1
                if span not in names and span not in {Path(m).name for m in made} and span not in WRITTEN:
                    say(path, number, f"no file of the tree is called {span}")
            found = re.fullmatch(r"(?:struct |enum )?([a-z]\w*_\w+|\w+(?=\(\))|(?<=struct )\w+|(?<=enum )\w+)(\(\))?", span)
            if named and found:
                looked += 1
                if found.group(1) not in words | new_words:
                    say(path, number, f"{span} occurs in no source file")


# Files that the program writes or reads elsewhere, and that have a suffix of ours.
WRITTEN = {"reproduce.sh", "duplicates.tsv", "bad_images.tsv"}
documents = sorted(p for p in files if p.suffix == ".md" and p.name != "CHANGELOG.md"
                   and (p.parts[0] in ("docs", "tests", "scripts") or len(p.parts) == 1))
for document in documents:
    look(document)
architecture = Path("docs/architecture.md")
text = (root / architecture).read_text()
for folder in sorted({str(path.parent) for path in files if path.suffix == ".c" and path.parts[0] in CODE}):
    looked += 1
    if not re.search(r"(?<![\w/])" + re.escape(folder) + r"/?(?![\w/])", text):
        say(architecture, 1, f"does not name the folder {folder}")
text = (root / "scripts/README.md").read_text()
for path in files:
    if path.parts[0] == "scripts" and path.suffix in (".sh", ".py", ".c"):
        looked += 1
        if f"`{path.name}`" not in text:
            say("scripts/README.md", 1, f"does not name {path}")
print(f"{looked} names in {len(documents)} documents, {wrong} not there")
sys.exit(1 if wrong or looked < 10 else 0)
