"""What the administration pages of all apps share. Wiring: knows Django's admin and no app."""
