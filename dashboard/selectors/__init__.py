"""Reads across every app below, shaped for pages and sockets."""
