"""What the market reaches outside its own process: a child that solves. No Django in here."""
