"""What a model's answer would type: the command alone, or the reason why there is none.

Models wrap commands in thoughts, fences, prompts, labels and explanations. All of it is taken
off here, so that a recorded action is exactly what a person would have typed. What cannot be told
from prose is a fault, never a guess: a sentence that is typed anyway teaches a student to chat.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from sekft.models.thoughts import without_thoughts

FENCE = re.compile(
    r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)[^\n]*\n(.*?)(?:^[ \t]*\1[ \t]*$|\Z)", re.DOTALL | re.MULTILINE
)
FENCE_LINE = re.compile(r"^[ \t]*(?:`{3,}|~{3,})", re.MULTILINE)
INLINE = re.compile(r"(`{1,3})(?:(?:sh|bash)[ \t]+)?([^`\n]+)\1")
SHELL_LANGUAGES = ("", *"ash bash console dash ksh posix sh shell shell-session terminal zsh".split())
TAG = re.compile(r"\A<(cmd|command|bash|sh|shell|action)>\s*(.*?)\s*(?:</\1>.*)?\Z", re.DOTALL | re.IGNORECASE)
LABEL = re.compile(
    r"\A(?:\*\*)?(?:(?:next )?(?:action|command)|shell|bash|assistant|answer)(?:\*\*)?:(?:\*\*)?\s+", re.IGNORECASE
)
PROMPT = re.compile(r"\A(?:\[?[\w.-]+@[\w.-]+[^\n$#%>]{0,60}\]?|[~/][\w./~-]* ?|)[$%]\s+")
ASSIGNMENT = re.compile(r"\A[A-Za-z_]\w*=")
COMMAND_WORD = re.compile(r"\A(?:[a-z0-9_.~/$\\-][\w./~${}\"'+:@%-]*|[{!:.])\Z")
SPOKEN_WORD = re.compile(r"[\w][.,:?!]\Z|\A\d+[.)]|\w['’]\w")  # `done.`, `note:`, `1.`, `let's`
OPENING = ("(", "$(", "{", "[", "'", '"')
OPERATOR = re.compile(r"(?<=.)[;&|<>(]")
REDIRECTION = re.compile(r"\A[0-9]?(?:[<>][^\s>]|>>?\s*[/~.])")
SENTENCE = re.compile(r"\A(?:[A-Z][\w'’]*|i|i'm|i'll)\s.*[.:!?…]\Z|\A\W*[\w'’]+,\s|[.!?]\s+[A-Z][a-z]+\s", re.DOTALL)
TELLING_WORDS = """
    the to will would let's let me is are i i'll i'm you your this that these an need should we it it's of here
    sure okay now can have has was be been which because
"""
TELLING = frozenset(TELLING_WORDS.split())
SPEAKING = ("echo", "printf", "panic", "logger", "wall", "write", "note")
HEREDOC = r"<<-?[ \t]*['\"\\]?(?P<word>[A-Za-z_]\w*)['\"]?"
TOKEN = re.compile(
    rf"""(?P<escaped>\\.) | '[^']*' | "(?:\\.|[^"\\])*" | (?P<unclosed>['"].*|\\\Z)
    | (?P<heredoc>{HEREDOC}) | (?P<comment>[ \t]*(?<![^\s;&|(])\#[^\n]*) | .""",
    re.DOTALL | re.VERBOSE,
)


@dataclass(frozen=True, slots=True)
class Parsed:
    """text: what is typed, without a final newline. fault: set when there is nothing to type."""

    text: str = ""
    fault: str | None = None


@dataclass(frozen=True, slots=True)
class Body:
    """The part of an answer that may hold the command. whole: its end was seen, whatever cut the answer."""

    text: str
    fenced: bool = False
    whole: bool = False


def parse_action(answer: str, prompt: str = "", cut: bool = False) -> Parsed:
    """The command in a model's answer.

    prompt: the prompt as displayed; an answer that repeats it loses it.
    cut:    the answer stopped at max_tokens, so its last line is not whole.
    """
    said = without_thoughts(answer.replace("\r\n", "\n").replace("\r", "\n"))
    if not said:
        return Parsed(fault="only thoughts" if answer.strip() else "empty")
    body = _unfenced(said)
    if body is None:
        return Parsed(fault="a fence without a command")
    lines = _unwrapped(body.text).split("\n")
    if cut and not body.whole:
        lines = lines[:-1]
    typed = _typed(lines, prompt.strip(), body.fenced)
    if "```" in typed or "~~~" in typed:
        return Parsed(fault="a fence inside the command")
    if typed:
        return Parsed(typed)
    return Parsed(fault="cut off" if cut else "prose")


def _unfenced(text: str) -> Body | None:
    """The first shell block, or the text itself where there is no fence; None where no block is shell."""
    single = INLINE.fullmatch(text)
    if single:
        return Body(single[2].strip(), fenced=True, whole=True)
    opening = FENCE_LINE.search(text)
    if not opening:
        return Body(text)
    if re.search(HEREDOC, text[: opening.start()]):
        return None  # the fence is part of a document that the command writes
    for block in FENCE.finditer(text):
        content = block[3].strip("\n")
        if block[2].lower() in SHELL_LANGUAGES and content.strip():
            return Body(content, fenced=True, whole=block[0].rstrip().endswith(block[1]))
    return None


def _unwrapped(text: str) -> str:
    text = text.strip("\n")
    tag = TAG.match(text.strip())
    if tag:
        text = tag[2]
    return LABEL.sub("", text, count=1)


def _typed(lines: list[str], prompt: str, fenced: bool) -> str:
    """The command's lines, from the first that is shell to the first that is not."""
    kept: list[str] = []
    prompted = False
    for line in lines:
        if still_open("\n".join(kept)):
            kept.append(line[2:] if prompted and line.startswith("> ") else line)
            continue
        bare = _unprompted(line, prompt)
        if kept and (prompted or bare != line.strip()):
            break  # what follows the first prompted command is output that the model made up
        if not bare.strip() or bare.lstrip().startswith("#"):
            continue
        if _is_shell(bare) or (kept and (fenced or _continues(bare))):
            prompted = bare != line.strip()
            kept.append(bare if not kept or prompted else line.rstrip())
        elif kept:
            break
    return without_comments("\n".join(kept)).strip()


def _unprompted(line: str, prompt: str) -> str:
    line = LABEL.sub("", line.strip(), count=1)
    if prompt and line.startswith(prompt):
        return line[len(prompt) :].strip()
    line = PROMPT.sub("", line, count=1)
    single = re.fullmatch(r"`([^`]+)`", line)
    return single[1].strip() if single else line


def _continues(line: str) -> bool:
    return line.split()[0] in ("}", ")", "*)", ";;", "|", "||", "&&")


def _is_shell(line: str) -> bool:
    """Whether a line is plainly a command: its first word could be one, and it does not read as a sentence."""
    words = line.split()
    while words and (assigned := ASSIGNMENT.match(words[0])):
        if re.search("[$`'\"(]", words[0][assigned.end() :]):
            return True
        words = words[1:]
    if not words or REDIRECTION.match(line):
        return True
    first = OPERATOR.split(words[0], maxsplit=1)[0]
    if not first.startswith(OPENING) and not (COMMAND_WORD.match(first) and not SPOKEN_WORD.search(first)):
        return False
    if first in SPEAKING:
        return True
    bare = _unquoted(line)
    telling = sum(word.lower().strip(".,;:!?") in TELLING for word in bare.split())
    return not SENTENCE.search(bare) and telling < 2 and not (telling and first.lower() in TELLING)


def _unquoted(line: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)


def still_open(text: str) -> bool:
    """Whether a quote, a here-document or a continued line in the text waits for more."""
    return _lexed(text)[1]


def without_comments(text: str) -> str:
    """The text without shell comments; quoted words and here-documents stay as they are."""
    return _lexed(text)[0]


def _lexed(text: str) -> tuple[str, bool]:
    """(the text without comments, whether it is left open)."""
    kept: list[str] = []
    awaited: list[str] = []
    at, is_open = 0, False
    while at < len(text):
        token = TOKEN.match(text, at)
        assert token is not None, "TOKEN matches any character"
        at = token.end()
        if token.lastgroup == "comment":
            continue
        kept.append(token[0])
        if token.lastgroup == "heredoc":
            awaited.append(token["word"])
        elif token[0] == "\n" and awaited:
            end = _heredocs_end(text, at - 1, awaited)
            kept.append(text[at:end])
            at, is_open, awaited = (len(text), True, []) if end is None else (end, False, [])
        elif token.lastgroup == "unclosed":
            is_open = True
    return "".join(kept), is_open or bool(awaited)


def _heredocs_end(text: str, at: int, words: list[str]) -> int | None:
    """Where the here-documents that start at the newline `at` end, or None where one never does."""
    for word in words:
        found = re.compile(rf"\n\t*{re.escape(word)}(?=\n|\Z)").search(text, at)
        if not found:
            return None
        at = found.end()
    return at
