"""The gateway's rules: what is asked, where it goes, how much it may take. Pure."""
