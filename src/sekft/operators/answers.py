"""What a model's answer would type: the command alone, or the reason why there is none.

Models wrap commands in thoughts, fences, prompts, labels and explanations. All of it is taken
off here, so that a recorded action is exactly what a person would have typed. What cannot be told
from prose is a fault, never a guess: a sentence that is typed anyway teaches a student to chat.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from sekft.models.texts import ANSWER_LIMIT_CHARACTERS
from sekft.shell import markup
from sekft.shell.chat_format import TURN_LIMIT_BYTES
from sekft.shell.syntax import command_end, is_one_line, without_comments

FENCE = re.compile(r"^[ \t]*(`{3,}|~{3,})[ \t]*([\w+.-]*)", re.MULTILINE)
INLINE = re.compile(r"(`{1,3})(?:(?:sh|bash)[ \t]+)?([^`\n]+)\1")
SHELL_LANGUAGES = ("", *"ash bash console dash ksh posix sh shell shell-session terminal zsh".split())
TAG = re.compile(r"\A<(cmd|command|bash|sh|shell|action)>(.*?)(?:</\1>|\Z)", re.DOTALL | re.IGNORECASE)
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
SENTENCE = re.compile(
    r"\A(?:[A-Z][\w'’]*|i|i'm|i'll)\s.*[.:!?…]\Z|\A(?:\W*[^\w'’])?[\w'’]+,\s|[.!?]\s+[A-Z][a-z]+\s", re.DOTALL
)
TELLING_WORDS = """
    the to will would let's let me is are i i'll i'm you your this that these an need should we it it's of here
    sure okay now can have has was be been which because
"""
TELLING = frozenset(TELLING_WORDS.split())
ASSIGNS = re.compile(r"let\s+['\"]?\$?\w+\s*(?:[-+*/%&|^]|<<|>>)?[=+-]")
SPEAKING = ("echo", "printf", "panic", "logger", "wall", "write", "note")
HERE_DOCUMENT = re.compile(r"<<-?[ \t]*['\"\\]?[A-Za-z_]")
WRAPPED = re.compile(r"[:$%`]")
PLAIN = re.compile(r"[a-z][\w-]*(?: (?:(?:<<?|>>?|\|) ?)?[\w/=-][\w./=-]*(?<!\.))*")
"""A line of words, pipes and redirections: a command unless one of the words tells."""
CONTINUED = re.compile(r"\\[ \t]+$", re.MULTILINE)
CONTINUATION_PROMPT = re.compile(r"^> ", re.MULTILINE)


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


def parse_action(answer: str, prompt: str = "", cut: bool = False, reasoned: bool = False) -> Parsed:
    """The command in a model's answer, in time linear in the answer's length.

    prompt:   the prompt as displayed; an answer that repeats it loses it.
    cut:      the answer stopped at max_tokens, so its last line is not whole.
    reasoned: the service sent thoughts apart from the answer.

    It is a fault, and not read, when it is longer than ANSWER_LIMIT_CHARACTERS, or than TURN_LIMIT_BYTES without its
    thoughts.
    """
    if len(answer) > ANSWER_LIMIT_CHARACTERS:
        return Parsed(fault=f"an answer of {len(answer)} characters, want at most {ANSWER_LIMIT_CHARACTERS}")
    said = markup.read(answer).said
    if not said:
        return Parsed(fault="cut off" if cut else "only thoughts" if reasoned or answer.strip() else "empty")
    if (size := len(said.encode("utf-8", "surrogatepass"))) > TURN_LIMIT_BYTES:
        return Parsed(fault=f"an answer of {size} bytes without its thoughts, want at most {TURN_LIMIT_BYTES}")
    body = _unfenced(said)
    if body is None:
        return Parsed(fault="a fence without a command")
    text = _unwrapped(body.text)
    if found := markup.faults(text):
        return Parsed(fault=found[0])
    if cut and not body.whole:
        text = text.rpartition("\n")[0]
    typed = _typed(CONTINUED.sub(r"\\", text), prompt.strip(), body.fenced)
    if "```" in typed or "~~~" in typed:
        return Parsed(fault="a fence inside the command")
    if typed:  # the first commands of a text hold no more markup than the text
        found = [] if text.startswith(typed) else markup.faults(typed)
        return Parsed(fault=found[0]) if found else Parsed(typed)
    return Parsed(fault="cut off" if cut else "prose")


def _unfenced(text: str) -> Body | None:
    """The first shell block, or the text itself where there is no fence; None where no block is shell."""
    single = INLINE.fullmatch(text)
    if single:
        return Body(single[2].strip(), fenced=True, whole=True)
    opening = FENCE.search(text)
    if not opening:
        return Body(text)
    if HERE_DOCUMENT.search(text, 0, opening.start()):
        return None  # the fence is part of a document that the command writes
    for language, block in _blocks(text):
        if language in SHELL_LANGUAGES and block.text.strip():
            return block
    return None


def _blocks(text: str) -> Iterator[tuple[str, Body]]:
    """Each fenced block with its language; the last may lack its closing fence."""
    opening: re.Match[str] | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if opening is None:
            opening, lines = FENCE.match(line), []
        elif line.strip(" \t") == opening[1]:
            yield opening[2].lower(), Body("\n".join(lines), fenced=True, whole=True)
            opening = None
        else:
            lines.append(line)
    if opening is not None:
        yield opening[2].lower(), Body("\n".join(lines), fenced=True)


def _unwrapped(text: str) -> str:
    text = text.strip("\n")
    tag = TAG.match(text.strip())
    if tag:
        text = tag[2].strip()
    return LABEL.sub("", text, count=1)


def _typed(text: str, prompt: str, fenced: bool) -> str:
    """The commands from the first line that is shell to the first that is not."""
    commands: list[str] = []
    repeated: set[str] = set()  # models repeat themselves, by the thousand
    at = 0
    while at < len(text):
        newline = text.find("\n", at)
        end = len(text) if newline < 0 else newline
        line = text[at:end].strip()
        if line in repeated:
            commands.append(text[at:end].rstrip())
            at = end + 1
            continue
        bare = _unprompted(line, prompt)
        if commands and bare != line:
            break
        if bare and not bare.startswith("#"):
            is_shell = _is_shell(bare)
            if is_shell and bare != line:  # what follows this command is output that the model made up
                session = bare + CONTINUATION_PROMPT.sub("", text[end:])
                commands.append(session[: command_end(session, 0)])
                break
            if is_shell or (commands and fenced):
                last = command_end(text, at)
                commands.append(text[at:last].rstrip())
                if last == end and is_shell and bare == line and is_one_line(line, 0, len(line)):
                    repeated.add(line)
                end = last
            elif commands:
                break
        at = end + 1
    text = "\n".join(commands)
    return (without_comments(text) if "#" in text else text).strip()


def _unprompted(line: str, prompt: str) -> str:
    if not WRAPPED.search(line) and not (prompt and line.startswith(prompt)):
        return line
    line = LABEL.sub("", line.strip(), count=1)
    if prompt and line.startswith(prompt):
        return line[len(prompt) :].strip()
    line = PROMPT.sub("", line, count=1)
    single = re.fullmatch(r"`([^`]+)`", line)
    return single[1].strip() if single else line


def _is_shell(line: str) -> bool:
    """Whether a line is plainly a command: its first word could be one, and it does not read as a sentence."""
    if PLAIN.fullmatch(line) and TELLING.isdisjoint(line.lower().split()):
        return True
    word = ""
    for word in line.split():
        assigned = ASSIGNMENT.match(word)
        if not assigned:
            break
        if re.search("[$`'\"(]", word[assigned.end() :]):
            return True
    else:
        return True
    if REDIRECTION.match(line):
        return True
    first = OPERATOR.split(word, maxsplit=1)[0]
    if not first.startswith(OPENING) and not (COMMAND_WORD.match(first) and not SPOKEN_WORD.search(first)):
        return False
    if first in SPEAKING or (first == "let" and ASSIGNS.match(line)):
        return True
    bare = re.sub(r"'[^']*'|\"[^\"]*\"", "''", line)
    telling = sum(word.lower().strip(".,;:!?") in TELLING for word in bare.split())
    if first == "which" and line.endswith(("?", ".", ":", ",")):
        return False
    telling -= bare.split().count("which") if first == "which" else 0
    return not SENTENCE.search(bare) and telling < 2 and not (telling and first.lower() in TELLING)
