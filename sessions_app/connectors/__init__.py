"""Providers of models: the only place of this app that talks to the outside. One file for each kind."""
