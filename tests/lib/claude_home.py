"""A home directory in which claude starts full screen without a question. Measured with claude 2.1.330:

~/.claude.json                                           without it
  hasCompletedOnboarding: true                           first-run dialogs (theme, login) after a check that claude can
                                                         reach api.anthropic.com BY NAME, whatever ANTHROPIC_BASE_URL
                                                         says; without a network it ends with 1. `-p` never asks
  customApiKeyResponses.approved: [last 20 of the key]   "Do you want to use this API key?" (full screen only)
  projects[<workspace>].hasTrustDialogAccepted: true     "Is this a project you created or one you trust?", whose
                                                         first choice is No
  hasSeenAutoDefaultNotice: true                         a notice about auto mode (no question)
  hasSeenAutoDefaultNudge: true                          "Make auto mode your default permission mode?" (not each time)
~/.claude/settings.json
  permissions.defaultMode: "default"                     full screen is in auto mode, where a tool use that is not
                                                         obviously harmless needs a check by the real API's servers
                                                         and is refused without it
"""

import json
import os


def config(workspace, api_key):
    """The content of ~/.claude.json. Also usable by a demo that prepares a sample project."""
    return {"hasCompletedOnboarding": True, "hasSeenAutoDefaultNotice": True, "hasSeenAutoDefaultNudge": True,
            "customApiKeyResponses": {"approved": [api_key[-20:]], "rejected": []},
            "projects": {workspace: {"hasTrustDialogAccepted": True}}}


def write(ctx, api_key="test-key-0123456789abcdefghij", workspace=None, mode="default", settings=None, **extra):
    """Make the test user's ~/.claude.json and ~/.claude/settings.json; `extra` adds keys to the former."""
    data = dict(config(workspace or ctx.workspace, api_key), **extra)
    ctx.write(os.path.join(ctx.home, ".claude.json"), json.dumps(data, indent=2), 0o600)
    ctx.write(os.path.join(ctx.home, ".claude", "settings.json"),
              json.dumps({"permissions": {"defaultMode": mode}, **(settings or {})}, indent=2))
