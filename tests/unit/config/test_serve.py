"""What the command does when a person is impatient."""

from __future__ import annotations

import pytest
from django.core.management import call_command

from config.server.management.commands import serve


def test_ctrl_c_while_it_prepares_ends_without_a_traceback(monkeypatch, capsys):
    def interrupted(_self):
        raise KeyboardInterrupt

    monkeypatch.setattr(serve.Command, "_prepare", interrupted)

    with pytest.raises(SystemExit) as ended:
        call_command("serve", port=0)

    assert ended.value.code == "Stopped before it was ready."
    assert "url:" not in capsys.readouterr().out
