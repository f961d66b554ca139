"""Weaving changes into the text of a file: `a < b` becomes `(if crate::woven::is(7) { a <= b } else { a < b })`.

Changes are cargo-mutants', as `--list --json` tells them, or what a planted mutant does to the body of a function (weave/planted.py): a
span of the text and what stands there instead. The tree of the text is tree-sitter's. What cannot be woven is left as it is, and
whoever asked is told: it wants a build of its own.

Around each change stand the comments `/*7{*/` and `/*}7*/`, so that a complaint of the compiler is traced to its change.
"""

import dataclasses
import re

import tree_sitter
import tree_sitter_rust

RUST = tree_sitter.Language(tree_sitter_rust.language())
MARK = re.compile(rb"/\*(\d+)\{\*/|/\*\}(\d+)\*/")
# The early returns at the start of a function.
VALUES = re.compile(rb"\{ (?:/\*\d+\{\*/if crate::woven::is\(\d+\) \{ return .*?/\*\}\d+\*/)+", re.DOTALL)
NUMBER = re.compile(rb"/\*\}(\d+)\*/")
OPERATIONS = ("binary_expression", "compound_assignment_expr")


@dataclasses.dataclass(frozen=True)
class Change:
    """One change to the code, with a number that chooses it."""

    number: int
    name: str
    file: str
    genre: str
    replacement: str
    # Line and column of its first character, and of the first one after it, counted from one.
    start: tuple
    end: tuple

    @classmethod
    def of(cls, number, told):
        start, end = ((place["line"], place["column"]) for place in (told["span"]["start"], told["span"]["end"]))
        return cls(number, told["name"], told["file"], told["genre"], told["replacement"], start, end)

    def made_in(self, source):
        """The text of its file with nothing but this change."""
        start, end = offset(source, self.start), offset(source, self.end)
        return source[:start] + self.replacement.encode() + source[end:]


def offset(source, place):
    """Where a line and a column are in a text, in bytes."""
    lines = source.split(b"\n", place[0])
    return sum(len(line) + 1 for line in lines[:place[0] - 1]) + len(lines[place[0] - 1].decode()[:place[1] - 1].encode())


@dataclasses.dataclass
class WovenFile:
    """A file with changes in it."""

    text: bytes
    # The changes that stand in it, and those that the grammar forbids.
    numbers: set
    forbidden: set

    def changes_at(self, start, end):
        """The innermost changes whose own text overlaps a span."""
        opened, found = {}, []
        for mark in MARK.finditer(self.text):
            if mark[1]:
                opened[int(mark[1])] = mark.start()
            else:
                from_ = opened.pop(int(mark[2]))
                if from_ < max(end, start + 1) and start < mark.end():
                    found.append((mark.end() - from_, int(mark[2])))
        return {min(found)[1]} if found else set()

    def values_around(self, at):
        """The values that the function around a place returns early where they are chosen."""
        node = tree_sitter.Parser(RUST).parse(self.text).root_node.descendant_for_byte_range(at, at + 1)
        while node and node.type != "function_item":
            node = node.parent
        body = node and node.child_by_field_name("body")
        values = body and VALUES.match(self.text, body.start_byte)
        return {int(number) for number in NUMBER.findall(values[0])} if values else set()


def weave(source, changes, keep_const=frozenset()):
    """A file with all of these changes that can be woven. Functions named in `keep_const`, all if it is nothing, stay `const` and
    are left alone."""
    return Weaver(source, changes, keep_const).woven()


class Weaver:
    def __init__(self, source, changes, keep_const):
        self.source = source
        self.keep_const = keep_const
        self.numbers, self.forbidden = set(), set()
        self.at = {}
        self.root = tree_sitter.Parser(RUST).parse(source).root_node
        for change in changes:
            place = self.place(change, offset(source, change.start))
            if place is not None:
                self.at.setdefault((place.id, change.genre), []).append(change)

    def woven(self):
        text = self.render(self.root)
        return WovenFile(text, self.numbers, self.forbidden)

    def place(self, change, at):
        """The node that a change is woven into, or nothing."""
        node = self.root.descendant_for_byte_range(at, at + 1)
        if node.type == "&&" and node.parent.type == "let_chain":
            # Rust has no `||` beside a `let`.
            self.forbidden.add(change.number)
            return None
        if change.genre == "FnBody":
            return node.parent
        if change.genre == "FnValue":
            while node and not (node.type == "function_item" and self.first_byte(node) == at):
                node = node.parent
            return None if node is None or self.stays_const(node) else node.child_by_field_name("body")
        wanted = {"BinaryOperator": OPERATIONS, "UnaryOperator": ("unary_expression",), "MatchArm": ("match_arm",),
                  "StructField": ("field_initializer", "shorthand_field_initializer"), "MatchArmGuard": ()}.get(change.genre)
        if wanted is None:
            return None
        while node:
            if change.genre == "MatchArmGuard":
                condition = node.parent and node.parent.type == "match_pattern" and node.parent.child_by_field_name("condition")
                if condition and condition.start_byte == at and condition.type not in ("let_condition", "let_chain"):
                    node = condition
                    break
            elif node.type in OPERATIONS and node.type in wanted:
                if node.child_by_field_name("operator").start_byte == at:
                    break
            elif node.type in wanted and node.start_byte == at:
                break
            node = node.parent
        return None if node is None or self.stays_const(node) else node

    @staticmethod
    def first_byte(function):
        """Where the first statement of a function starts."""
        body = function.child_by_field_name("body")
        inside = [child for child in body.named_children if not child.type.endswith("comment")] if body else []
        return inside[0].start_byte if inside else None

    def stays_const(self, node):
        """Whether a node is evaluated by the compiler: in a constant, or in a function that must be `const`."""
        while node:
            if node.type in ("const_item", "static_item", "const_block", "enum_variant", "array_type"):
                return True
            if node.type == "function_item":
                return is_const(node) and self.is_kept(node)
            node = node.parent
        return False

    def is_kept(self, function):
        """Whether a `const` function stays one."""
        return self.keep_const is None or self.plain(function.child_by_field_name("name")).decode() in self.keep_const

    def plain(self, node):
        return self.source[node.start_byte:node.end_byte]

    def chosen(self, node, genre):
        """The changes of a genre that are woven into a node."""
        changes = self.at.get((node.id, genre), [])
        self.numbers.update(change.number for change in changes)
        return changes

    def render(self, node):
        """The node's text with everything in it woven."""
        text = self.children(node)
        if node.type == "function_modifiers":
            return self.without_const(node, text)
        if node.type == "block":
            return self.with_bodies(node, self.with_values(node, text))
        if node.type in OPERATIONS:
            text = self.with_operators(node, text)
        elif node.type == "unary_expression":
            inner = self.plain(node.children[1])
            text = self.instead(self.chosen(node, "UnaryOperator"), lambda _: inner, text)
        elif node.type in ("field_initializer", "shorthand_field_initializer"):
            text = self.with_base(node, text)
        elif node.type == "match_pattern":
            return self.with_deletion(node, text)
        return self.instead(self.chosen(node, "MatchArmGuard"), lambda change: change.replacement.encode(), text)

    def children(self, node):
        parts, at = [], node.start_byte
        for child in node.children:
            parts += [self.source[at:child.start_byte], self.render(child)]
            at = child.end_byte
        return b"".join(parts) + self.source[at:node.end_byte]

    @staticmethod
    def instead(changes, other, text):
        """An expression that is another one where a change is chosen."""
        for change in changes:
            text = b"(if %s { %s } else { %s })" % (asked(change), marked(change, other(change)), text)
        return text

    def with_operators(self, node, text):
        left, right = self.plain(node.child_by_field_name("left")), self.plain(node.child_by_field_name("right"))
        form = b"(%s) %s (%s)" if node.type == "binary_expression" else b"%s %s %s"
        return self.instead(self.chosen(node, "BinaryOperator"), lambda change: form % (left, change.replacement.encode(), right), text)

    def with_values(self, block, text):
        returns = [marked(change, b"if %s { return %s; }" % (asked(change), change.replacement.encode()))
                   for change in self.chosen(block, "FnValue")]
        return b"".join([b"{ ", *returns, text[1:]]) if returns else text

    def with_bodies(self, block, text):
        for change in self.chosen(block, "FnBody"):
            text = b"{ if %s %s else %s }" % (asked(change), marked(change, change.replacement.encode()), text)
        return text

    def with_base(self, field, text):
        """A field that is the base's where the change is chosen."""
        changes = self.chosen(field, "StructField")
        if not changes:
            return text
        expression = field.parent.parent
        base = next(child for child in field.parent.children if child.type == "base_field_initializer").children[-1]
        name = (field.child_by_field_name("field") or field.children[-1]).text
        value = text.split(b":", 1)[1] if field.type == "field_initializer" else text
        other = b"{ let base: %s = %s; base.%s }" % (self.plain(expression.child_by_field_name("name")), self.plain(base), name)
        return b"%s: %s" % (name, self.instead(changes, lambda _: other, value))

    def with_deletion(self, pattern, text):
        """A pattern that matches nothing where its arm is chosen to be deleted."""
        changes = self.chosen(pattern.parent, "MatchArm")
        if not changes:
            return text
        gone = b" && ".join(marked(change, b"!" + asked(change)) for change in changes)
        condition = pattern.child_by_field_name("condition")
        if condition is None:
            return text + b" if " + gone
        before = b"".join(self.source[child.start_byte:child.end_byte] + b" "
                          for child in pattern.children if child.end_byte <= condition.start_byte)
        return b"%s%s && (%s)" % (before, gone, self.render(condition))

    def without_const(self, modifiers, text):
        function = modifiers.parent
        if function.type != "function_item" or not is_const(function) or self.is_kept(function):
            return text
        return re.sub(rb"\bconst\b", b"", text)


def is_const(function):
    """Whether a function may be called by the compiler: `const` stands before `fn`."""
    return any(word.type == "const" for child in function.children if child.type == "function_modifiers" for word in child.children)


def asked(change):
    return b"crate::woven::is(%d)" % change.number


def marked(change, text):
    return b"/*%d{*/%s/*}%d*/" % (change.number, text, change.number)
