"""In which order are the tables built? Every model, each after those that it reads."""

from models.context import Model

MODELS: tuple[Model, ...] = ()
