"""Ask a picture through the Responses interface, at OpenAI or any server that speaks its protocol.

    OPENAI_API_KEY=... python examples/openai_responses.py shelf.jpg "how many red apples are on the left?"

OPENAI_BASE_URL and OPENAI_MODEL choose another server and model, ASKMASK_MODELS the vision models.
"""

import os
import sys
from typing import Any

from openai import OpenAI

from agent_tools import VisionToolkit
from agent_tools.plugs.for_openai import responses_results, responses_tools

BRIEF = "Answer about the open picture by its tools. State only numbers they gave."
STEPS = 12


def ask(toolkit: VisionToolkit, request: str) -> str:
    """The model's answer to a request, after as many rounds of calls as it needs."""
    client, model = OpenAI(), os.environ.get("OPENAI_MODEL", "gpt-5-mini")
    items: list[Any] = [{"role": "user", "content": request}]
    with toolkit.turn(request):  # one undo takes back the whole request
        for _ in range(STEPS):
            response = client.responses.create(
                model=model, instructions=BRIEF, input=items, tools=responses_tools(), store=False
            )
            items += response.output
            results = responses_results(toolkit, response)
            if not results:
                return response.output_text
            items += results
    return f"No answer after {STEPS} steps."


if __name__ == "__main__":
    eyes = VisionToolkit()
    eyes.open_picture(sys.argv[1])
    print(ask(eyes, sys.argv[2]))
