"""Thoughts, tool calls and template tokens of the common families: none is typed, a mention of one is left whole."""

from __future__ import annotations

import pytest

from sekft.operators.answers import parse_action
from sekft.shell import markup
from sekft.shell.chat_format import action_faults

MENTIONED = [
    "grep -rn '<think>' /etc",
    'grep -c "</think>" log',
    "sed 's/<think>.*<\\/think>//' f",
    "grep -n '<|im_end|>' f",
    "grep -F '[TOOL_CALLS]' x",
    "grep -c [THINK] notes",
    "cat > f <<'EOF'\n<think>\nEOF",
    "echo '<tool_call>' > x",
    "python3 -c 'print(\"<think>\")'",
    "printf '%s\\n' '<think>' '</think>' > t",
    "sed -n '/<think>/,/<\\/think>/p' log",
    "awk '/<tool_call>/{f=1} f' log",
    'grep "\\[TOOL_CALLS\\]" x',
    'echo "</s>" >> f',
    "tr -d '[INST]' < f",
    "grep -v '^<|' f | wc -l",
    "grep -e '<s>' -e '</s>' f",
    "python3 - <<'EOF'\nprint('<think>')\nEOF",
    'cat > a.html <<E\n<parameter name="x">\n</s>\nE',
    "git log --grep='<|im_start|>'",
    'echo "it\'s <think>"',
    "echo 'a' \"b's\" '<think>'",
    "sort </srv/think >out",
    "cat <think.txt",
    "rm [INST]*",
]

PLAIN = [
    "which foo",
    "let x=3",
    "which -a sh",
    "let x+=1",
    'let "x = 3"',
    "which python3 perl | head",
    "case $x in\n  a) echo 1;;\n  *) echo 2;;\nesac",
    'case "$1" in start) ls;; esac',
    "[ -f x ] && ls",
    "{ ls; }",
    "awk '{print \"a\": 1}' f",
    "[ls]*",
    "ls [A-Z]*",
    'cat <<\'EOF\' > x.json\n{"name": "bash"}\nEOF',
    "cat <notes >out",
    "diff <(ls) <(pwd)",
    "test 1 -lt 2 && echo '<a|b>'",
    "which python3; which perl",
    "which -a python3 2>/dev/null",
    'which "$EDITOR"',
    "let i=i+1",
    "let 'x = 1 + 2'",
    "let x++",
    "let x=3 y=4; echo $x",
    'case "$(id -un)" in root) echo yes ;; *) echo no ;; esac',
    "case $1 in\nstart|stop)\n  ls\n  ;;\nesac\npwd",
    "for i in 1 2; do case $i in 1) echo a;; esac; done",
    'echo \'{"name": "bash"}\'',
]

TAKEN_OFF = [
    ("<|channel>thought\nI should look around.<channel|>ls -la", "ls -la"),
    ("[THINK]I should look around first; the motd says.[/THINK]ls -la", "ls -la"),
    ("```sh\ngrep '<think>' f\n```", "grep '<think>' f"),
    ("`grep '</think>' f`", "grep '</think>' f"),
    ("<think>so x</think>grep '</think>' f", "grep '</think>' f"),
    ("so I'd look</think>\nls", "ls"),
    ("it's here. I'll go.</think>ls", "ls"),
    ("<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>ls<|return|>", "ls"),
    ("analysisI should look.assistantfinalls -la", "ls -la"),
    ("<seed:think>hm</seed:think>ls", "ls"),
    ("◁think▷hm◁/think▷ls", "ls"),
    ("<|START_THINKING|>hm<|END_THINKING|><|START_RESPONSE|>ls<|END_RESPONSE|>", "ls"),
    ("Here is my thought process:\nHm.\n\nHere is my response:\nls", "ls"),
    ("<think>a</think>\n<response>\nls\n</response>", "ls"),
    ("<think>a</think><answer>ls</answer>", "ls"),
    ("<unused94>thought\nhm<unused95>ls", "ls"),
    ("<|inner_prefix|>hm<|inner_suffix|>ls", "ls"),
    ("<|begin_of_thought|>hm<|end_of_thought|><|begin_of_solution|>ls<|end_of_solution|>", "ls"),
    ("```sh\ncase $x in\n  a) echo 1;;\n  *) echo 2;;\nesac\n```", "case $x in\n  a) echo 1;;\n  *) echo 2;;\nesac"),
    ("ls<think>why</think>", "ls"),
    ('<THOUGHT attr="1">x</THOUGHT>ls', "ls"),
    ("assistant\nls", "ls"),
    ("<|im_start|>assistant\nls<|im_end|>", "ls"),
    ("a[/THINK]ls", "ls"),
    ("ls <|im_end|> x", "ls"),
    ("<start_of_turn>model\nls<end_of_turn>", "ls"),
    ("<|turn>model\nls<turn|>", "ls"),
    ("ls[INST] go [/INST]", "ls"),
    ("<thinking>\n\n</thinking>\n\n```bash\nls\n```", "ls"),
    ("<reasoning>because</reasoning><command>ls</command>", "ls"),
    ("Thinking...\nhm\n...done thinking.\n\nls", "ls"),
    ("<|start_of_role|>assistant<|end_of_role|>ls<|end_of_text|>", "ls"),
    ("<|assistant|>\nls<|user|>", "ls"),
    ("ls<|endoftext|>Human: hi", "ls"),
    ("<ds_think>hm</ds_think>ls", "ls"),
    ("<Thought>hm</Thought>\nls", "ls"),
    ("<reflection>hm</reflection>ls", "ls"),
    ("<antThinking>x</antThinking>ls", "ls"),
    ("<｜Assistant｜>ls<｜end▁of▁sentence｜>", "ls"),
    ("ls<｜end▁of▁sentence｜>", "ls"),
    ("◁think▷\nhm\n◁/think▷\n\nls", "ls"),
    ("<|think|>hm<|/think|>ls", "ls"),
    ("<|begin_of_box|>ls<|end_of_box|>", "ls"),
    ("<think>hm</think>\n<answer>\n```bash\nls\n```\n</answer>", "ls"),
    ("I should look.\n</think>\n\n```bash\nls\n```", "ls"),
    ("</think>\nls", "ls"),
    ("ls\n</think>\npwd", "pwd"),
    ("<|channel|>final<|message|>ls", "ls"),
    ("<command>grep '<think>' f</command>", "grep '<think>' f"),
    ("ls # <think>", "ls"),
    ("<bash>ls</bash>", "ls"),
    ("<shell>\nls\n</shell>", "ls"),
    ("Thought: I look.\nCommand: ls", "ls"),
    ("*thinks*\nls", "ls"),
    ("assistantanalysisI look.assistantfinalls", "ls"),
]

CALLS = [
    '<tool_call>\n{"name": "bash", "arguments": {"command": "ls -la"}}\n</tool_call>',
    '[TOOL_CALLS]bash[ARGS]{"command": "ls -la"}',
    '[TOOL_CALLS] [{"name": "bash", "arguments": {"command": "ls"}}]',
    '{"name": "bash", "parameters": {"command": "ls"}}',
    '{"command": "ls"}',
    '```\n{"command": "ls"}\n```',
    '<|python_tag|>bash.call(command="ls")',
    '<function=bash>{"command": "ls"}</function>',
    '<|channel|>commentary to=functions.bash <|constrain|>json<|message|>{"command":"ls"}<|call|>',
    'assistantcommentary to=functions.bash json{"command":"ls"}',
    "<seed:tool_call><function=bash><parameter=command>ls</parameter></function></seed:tool_call>",
    '<|START_THINKING|>hm<|END_THINKING|><|START_ACTION|>[{"tool_call_id":"0"}]<|END_ACTION|>',
    '<|tool_calls_section_begin|><|tool_call_begin|>functions.bash:0<|tool_call_argument_begin|>{"command":"ls"}<|tool_call_end|><|tool_calls_section_end|>',
    'functions.bash:0{"command": "ls"}',
    '>>>bash\n{"command": "ls"}',
    '<｜DSML｜function_calls><｜DSML｜invoke name="bash">ls</｜DSML｜invoke>',
    "<tool_call>bash\n<arg_key>command</arg_key>\n<arg_value>ls</arg_value>\n</tool_call>",
    '<TOOLCALL>[{"name":"bash"}]</TOOLCALL>',
    '<|tool_call|>[{"name":"bash"}]<|/tool_call|>',
    '[bash(command="ls")]',
    'bash(command="ls -la")',
    '<|tool_call>call:bash{command:<|"|>ls<|"|>}<tool_call|>',
    '<invoke name="bash"><parameter name="command">ls</parameter></invoke>',
    '<function_calls>\nbash(command="ls")\n</function_calls>',
    "Thought: look\nAction: bash\nAction Input: ls",
    "<execute_bash>ls</execute_bash>",
    'functools[{"name":"bash"}]',
    'bash{"command": "ls"}',
    "ls\n<tool_call>x</tool_call>",
    'ls [TOOL_CALLS] [{"name": 1}]',
    "<|tool_call|>",
    '<think>\nOkay.\n</think>\n\n<tool_call>\n{"name": "bash"}\n</tool_call>',
    "<tool_call>\n<function=bash>\n<parameter=command>\nls\n</parameter>\n</function>\n</tool_call>",
    "<tools>ls</tools>",
    '<|plugin|>{"name": "x"}',
    '<|action_start|><|plugin|>{"name":"bash"}<|action_end|>',
    "<|tool_call_start|>[bash(command='ls')]<|tool_call_end|>",
    '<|tools_prefix|>[{"bash": {"command":"ls"}}]<|tools_suffix|>',
    '[{"tool_name": "bash", "parameters": {}}]',
    '[\n  {"name": "bash"}\n]',
    '{\n  "tool": "bash",\n  "args": "ls"\n}',
    'print(default_api.bash(command="ls"))',
    '<minimax:tool_call>\n<invoke name="bash">\n<parameter name="x">ls</parameter>\n</invoke>\n</minimax:tool_call>',
    '<function_call> {"name": "bash"} </function_call>',
    '<functioncall> {"name": "bash"}',
    "<tool_use><name>bash</name></tool_use>",
    "<use_tool>ls</use_tool>",
    '<|from|>assistant\n<|recipient|>bash\n<|content|>{"command": "ls"}<|stop|>',
    "<|recipient|>all\n<|content|>ls",
    "<tool_call>",
    '{"command": "ls"',
    "<execute>ls</execute>",
    "<run>ls</run>",
    "[think]hm[/think]ls",
]

FAULTS = [
    ('```json\n{"command": "ls"}\n```', "a fence without a command"),
    (
        '<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>bash\n```json\n{"command":"ls"}\n```<｜tool▁call▁end｜>',
        "a fence without a command",
    ),
    ("let me look", "prose"),
    ("which of these is it", "prose"),
    ("which directory should I list", "prose"),
    ("let us see", "prose"),
    ("which one is next?", "prose"),
    ("<think>never ends ls", "only thoughts"),
    ("[THINK]a", "only thoughts"),
    ("```tool_code\nprint(1)\n```", "a fence without a command"),
    ('```tool_call\n{"a":1}\n```', "a fence without a command"),
    ('Action:\n```json\n[{"tool_name": "bash"}]\n```', "a fence without a command"),
    ("<|im_start|>tool_call\nbash", "only thoughts"),
    ("<|eom_id|>", "only thoughts"),
    ("ls -la</think>", "only thoughts"),
    ("<|start|>assistant<|channel|>analysis<|message|>hm<|end|>", "only thoughts"),
    ("<|channel|>analysis<|message|>hm", "only thoughts"),
    ("Which file should I read?", "prose"),
    ("which is the one", "prose"),
    ("Let x be 3", "prose"),
    ("let me check ls", "prose"),
    ("case in point: it is late", "prose"),
    ("which foo is better?", "prose"),
]


@pytest.mark.parametrize("command", MENTIONED)
def test_a_mention_is_left_whole(command: str) -> None:
    """A tag in quotes, in a here-document or in a pattern of names is text; the deploy form says the same."""
    assert parse_action(command).text == command
    assert action_faults(command) == []
    assert parse_action(f"[THINK]A look.[/THINK]\n```sh\n{command}\n```").text == command


@pytest.mark.parametrize("command", PLAIN)
def test_what_looks_like_prose_or_markup_may_be_a_command(command: str) -> None:
    """Unfenced and fenced alike."""
    assert parse_action(command).text == command
    assert parse_action(f"```sh\n{command}\n```").text == command


@pytest.mark.parametrize(("answer", "command"), TAKEN_OFF)
def test_markup_is_taken_off(answer: str, command: str) -> None:
    """Of every family, and nothing of it would pass the check of the deploy form."""
    assert parse_action(answer).text == command
    assert action_faults(answer) != [] or answer.startswith(("```", "`", "assistant\n", "*", "Thought:"))


@pytest.mark.parametrize("answer", CALLS)
def test_a_tool_call_in_text_is_a_fault(answer: str) -> None:
    """It is never typed, nor is a part of it, and it never passes for an action."""
    assert parse_action(answer).fault == "a tool call"
    assert action_faults(answer) != []


@pytest.mark.parametrize(("answer", "fault"), FAULTS)
def test_what_holds_no_command_is_a_fault(answer: str, fault: str) -> None:
    """And says which."""
    assert parse_action(answer).fault == fault


def test_thoughts_are_told() -> None:
    """What was reasoned is kept apart, of all its passages."""
    said = markup.read("<think>one</think>[THINK]two[/THINK]ls")
    assert (said.said, said.thoughts) == ("ls", "one\n\ntwo")


def test_an_answer_of_thoughts_alone_says_so() -> None:
    """A cut outweighs it: more tokens would help."""
    assert parse_action("", reasoned=True).fault == "only thoughts"
    assert parse_action("", reasoned=True, cut=True).fault == "cut off"
