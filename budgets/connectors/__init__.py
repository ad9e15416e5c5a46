"""The only place of this app that talks to the outside: signed webhooks and e-mail."""
