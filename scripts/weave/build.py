"""Building a copy of the checkout with all changes woven in. What does not compile is taken out, until the rest does."""

import json
import os
import pathlib
import re
import subprocess

from weave.text import weave

RUNTIME = pathlib.Path(__file__).with_name("runtime.rs").read_bytes()
# The compiler's complaint that something is asked of a constant that is not one; it names what is.
NOT_CONST = re.compile(r"non-const (?:associated function|function|method|fn)\b.*?`([^`]+)`")
ASKED = re.compile(rb"crate::woven::is\((\d+)\)")
# Each round takes out what the last one complained of; the compiler complains in stages, crate after crate.
ROUNDS = 60
# A copy is built once or twice: what would make the third time quick is only in the way.
FLAGS = {"CARGO_INCREMENTAL": "0"}


class BuildError(Exception):
    """The woven copy does not compile, and no change can be blamed; the message is the compiler's."""


class WovenCopy:
    """A copy with changes in it, and which of them it holds."""

    def __init__(self, folder, pristine, crates, changes, all_const=False):
        self.folder, self.pristine, self.crates = folder, pristine, crates
        # A planted mutant may be several, all with one number.
        self.changes = changes
        # Changes that do not compile, those to what the compiler works out itself, and functions that must stay `const`, nothing
        # if all do.
        self.unviable, self.worked_out, self.keep_const = set(), set(), None if all_const else set()
        self.files = {}

    def weave(self):
        """Writes every file of the crates anew that differs from what stands there."""
        by_file = {}
        for change in self.changes:
            if change.number not in self.unviable | self.worked_out:
                by_file.setdefault(change.file, []).append(change)
        for crate in self.crates:
            for source in sorted((self.pristine / "crates" / crate / "src").rglob("*.rs")):
                name = source.relative_to(self.pristine).as_posix()
                self.files[name] = woven = weave(source.read_bytes(), by_file.get(name, []), self.keep_const)
                text = woven.text + (b"\n" + RUNTIME if name == f"crates/{crate}/src/lib.rs" else b"")
                target = self.folder / name
                if not target.exists() or target.read_bytes() != text:
                    target.parent.mkdir(parents=True, exist_ok=True)
                    target.write_bytes(text)
        self.unviable |= set().union(*(woven.forbidden for woven in self.files.values()))

    def numbers(self):
        """The changes that are woven in."""
        return set().union(*(woven.numbers for woven in self.files.values()))

    def build(self, command):
        """Compiles; what Cargo said, as JSON messages."""
        for _ in range(ROUNDS):
            self.weave()
            messages, ended, told = cargo(self.folder, command)
            if ended == 0:
                return messages
            before = len(self.unviable), len(self.worked_out), len(self.keep_const or ())
            complaints = [message["message"] for message in messages
                          if message["reason"] == "compiler-message" and message["message"]["level"] == "error"]
            for complaint in complaints:
                self.blame(complaint)
            if (len(self.unviable), len(self.worked_out), len(self.keep_const or ())) == before:
                raise BuildError("\n".join(complaint.get("rendered") or "" for complaint in complaints[:5]) or told[-3000:])
            print(f"    {len(complaints)} complaints: {len(self.unviable)} changes do not compile, "
                  f"{'all' if self.keep_const is None else len(self.keep_const)} functions stay const", flush=True)
        raise BuildError(f"something does not compile after {ROUNDS} rounds")

    def build_with(self, change, command):
        """Compiles with one change really made, and no other in its file; nothing if that does not compile."""
        made = weave(change.made_in((self.pristine / change.file).read_bytes()), [], self.keep_const).text
        if change.file.endswith("/src/lib.rs"):
            made += b"\n" + RUNTIME
        (self.folder / change.file).write_bytes(made)
        try:
            messages, ended, _ = cargo(self.folder, command)
        finally:
            self.weave()
        return messages if ended == 0 else None

    def blame(self, complaint):
        """Takes out what a complaint is about: the change whose text it points at, else what it mentions, else the values
        that its function returns early."""
        spans = [*complaint["spans"], *(span for child in complaint["children"] for span in child["spans"])]
        named = NOT_CONST.search(complaint["message"])
        if named and named[1].rpartition("::")[2] == "is":
            self.worked_out |= set().union(*(self.asked_at(span) for span in spans))
            return
        if named and self.keep_const is not None:
            self.keep_const.add(re.sub(r"<.*>", "", named[1]).rpartition("::")[2])
            return
        for chosen in (lambda span: span["is_primary"], lambda span: True):
            found = set().union(*(self.changes_at(span) for span in spans if chosen(span)), set())
            if found:
                self.unviable |= found
                return
        for span in spans:
            self.unviable |= self.values_around(span)

    def changes_at(self, span):
        woven = self.files.get(span["file_name"])
        return woven.changes_at(span["byte_start"], span["byte_end"]) if woven else set()

    def asked_at(self, span):
        """The change whose question stands at a span."""
        woven = self.files.get(span["file_name"])
        asked = woven and ASKED.match(woven.text, span["byte_start"])
        return {int(asked[1])} if asked else set()

    def values_around(self, span):
        woven = self.files.get(span["file_name"])
        return woven.values_around(span["byte_start"]) if woven else set()


def cargo(folder, command):
    ended = subprocess.run(["cargo", *command, "--locked", "--message-format=json", "--quiet"], cwd=folder,
                           capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL,
                           env={**os.environ, **FLAGS, "CARGO_TARGET_DIR": str(folder.parent / "target")})
    messages = [json.loads(line) for line in ended.stdout.splitlines() if line.startswith("{")]
    return messages, ended.returncode, ended.stderr
