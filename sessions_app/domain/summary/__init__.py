"""Short versions of a text made of its own clauses: nothing in them was not said."""

from sessions_app.domain.summary.choosing import Summary, summarise
from sessions_app.domain.summary.sentences import Sentence, sentences_of

__all__ = ["Sentence", "Summary", "sentences_of", "summarise"]
