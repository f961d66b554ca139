"""Planted mutants as changes to weave: those that alter what functions do, and nothing else."""

import re

import tree_sitter

from weave.text import RUST, Change, is_const

# Migrations are not among them: what they do is done once for all tests, and what the compiler works out is in a program whatever is chosen.
WOVEN = re.compile(r"crates/[a-z_-]+/src/.+\.rs")


def changes_of(number, name, texts):
    """The changes that a mutant consists of, one for each function and all with its number, from the texts of its files before
    and after; nothing if it does more than that."""
    changes = []
    for file, (before, after) in texts.items():
        if not WOVEN.fullmatch(file):
            return None
        (frame, bodies), (frame_after, bodies_after) = parts(before), parts(after)
        if frame != frame_after:
            return None
        for body, body_after in zip(bodies, bodies_after):
            if body.text == body_after.text:
                continue
            if is_const(body.parent):
                return None
            changes.append(Change(number, name, file, "FnBody", body_after.text.decode(), place(before, body.start_byte),
                                  place(before, body.end_byte)))
    return changes or None


def parts(source):
    """A text without the bodies of its outermost functions, in pieces, and these bodies."""
    bodies = list(outermost(tree_sitter.Parser(RUST).parse(source).root_node))
    edges = [0, *(edge for body in bodies for edge in (body.start_byte, body.end_byte)), len(source)]
    return [source[start:end] for start, end in zip(edges[::2], edges[1::2])], bodies


def outermost(node):
    for child in node.children:
        if child.type != "function_item":
            yield from outermost(child)
        else:
            yield child.child_by_field_name("body")


def place(source, at):
    """Line and column of a byte, counted from one, as cargo-mutants counts them."""
    before = source[:at].decode()
    return before.count("\n") + 1, len(before) - before.rfind("\n")
