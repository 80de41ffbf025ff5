"""Imported for what it loads: all that a command which trains, or lets a student act, would load itself."""

from sekft.models import libraries

libraries.prepare()

import peft  # noqa: E402, F401
import torch  # noqa: E402, F401
from transformers.models.llama import modeling_llama  # noqa: E402, F401

from sekft.operators import student as operator  # noqa: E402, F401
from sekft.training import student  # noqa: E402, F401
