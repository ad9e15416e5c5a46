"""Checkpoints of LangGraph agents, kept by Commonwatt."""

from commonwatt_langgraph.client import CommonwattError, StaleParent
from commonwatt_langgraph.saver import CommonwattSaver

__all__ = ["CommonwattError", "CommonwattSaver", "StaleParent"]
