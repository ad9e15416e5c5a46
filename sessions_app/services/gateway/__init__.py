"""The gateway: calls of models, held before they are dispatched and settled by what they used."""
