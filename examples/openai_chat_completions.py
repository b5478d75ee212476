"""Ask a picture through Chat Completions, at OpenAI or any server that speaks its protocol.

    OPENAI_API_KEY=... python examples/openai_chat_completions.py shelf.jpg "how many red apples are on the left?"

OPENAI_BASE_URL and OPENAI_MODEL choose another server and model, ASKMASK_MODELS the vision models.
"""

import os
import sys
from typing import Any

from openai import OpenAI

from agent_tools import VisionToolkit
from agent_tools.plugs.for_openai import chat_results, chat_tools

STEPS = 12


def ask(toolkit: VisionToolkit, request: str) -> str:
    """The model's answer to a request, after as many rounds of calls as it needs."""
    client, model = OpenAI(), os.environ.get("OPENAI_MODEL", "gpt-5-mini")
    messages: list[Any] = [
        {"role": "system", "content": "Answer about the open picture by its tools. State only numbers they gave."},
        {"role": "user", "content": request},
    ]
    with toolkit.turn(request):  # one undo takes back the whole request
        for _ in range(STEPS):
            message = (
                client.chat.completions.create(model=model, messages=messages, tools=chat_tools()).choices[0].message
            )
            messages.append(message)
            results = chat_results(toolkit, message)
            if not results:
                return message.content or message.refusal or ""
            messages += results
    return f"No answer after {STEPS} steps."


if __name__ == "__main__":
    eyes = VisionToolkit()
    eyes.open_picture(sys.argv[1])
    print(ask(eyes, sys.argv[2]))
