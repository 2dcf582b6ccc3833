"""Properties are about numbers, not about time: the first example pays for importing scipy."""

from hypothesis import settings

settings.register_profile("without_deadline", deadline=None)
settings.load_profile("without_deadline")
