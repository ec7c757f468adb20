"""The Python package `mcp` as a client of `mcp-server`, over its pipes and over HTTP, with the newest revision and with a
handshake. Arguments: the program, and the URL."""

import asyncio
import sys

from mcp import Client, StdioServerParameters
from mcp.types import ElicitResult

program, url = sys.argv[1:3]


async def check(server, mode, can_ask):
    questions, lines = [], []

    async def elicit(context, params):
        questions.append(params.message)
        answer = {"approve": True} if "approve" in str(params.requested_schema) else {"answer": "blue"}
        return ElicitResult(action="accept", content=answer)

    async def log(params):
        lines.append(params.data)

    async with Client(
        server, mode=mode, elicitation_callback=elicit, logging_callback=log, log_level="info"
    ) as client:
        assert client.server_info.name == "acme", client.server_info
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert len(tools) == 7, tools.keys()
        add = tools["add"]
        assert add.title == "Adder" and add.annotations.read_only_hint and not add.annotations.destructive_hint
        assert add.output_schema["properties"]["sum"]["type"] == "integer"
        assert add.meta["copilot-tools/group"] == "math", add.meta
        assert tools["picture"].input_schema["properties"]["colour"]["enum"] == ["red", "blue"]
        # The client validates the result with the schema of the tool.
        assert (await client.call_tool("add", {"a": 40, "b": 2})).structured_content == {"sum": 42}
        wrong = await client.call_tool("add", {"a": "x", "c": 1})
        assert wrong.is_error and all(f"`{name}`" in wrong.content[0].text for name in "abc"), wrong
        picture = (await client.call_tool("picture", {"colour": "red"})).content[0]
        assert (picture.type, picture.mime_type, picture.data) == ("image", "image/png", "ZG90"), picture
        visible, hidden = [await client.call_tool("fail", {"visible": on}) for on in (True, False)]
        assert visible.is_error and visible.content[0].text == "there is no city"
        assert hidden.is_error and "hunter2" not in hidden.content[0].text
        reports = []

        async def report(progress, total, message):
            reports.append((progress, total, message))

        await client.call_tool("work", {}, progress_callback=report)
        assert reports == [(step / 4, 1.0, f"step {step}") for step in range(1, 5)], reports
        assert lines == ["worked"], lines
        asked, removed = await client.call_tool("ask", {}), await client.call_tool("remove", {"path": "a"})
        if can_ask:
            assert asked.content[0].text == "blue" and removed.content[0].text == "removed a", (asked, removed)
            assert questions[0] == "Which colour?" and "`remove`" in questions[1], questions
        else:
            assert asked.is_error and removed.is_error and not questions, (asked, removed)
        print(f"mcp for Python, {mode}, {client.protocol_version}: as expected")


async def main():
    pipes = StdioServerParameters(command=program)
    await check(pipes, "auto", True)
    await check(pipes, "legacy", True)
    await check(url, "auto", True)
    # Without a session, a client of an older revision cannot be asked.
    await check(url, "legacy", False)


asyncio.run(main())
