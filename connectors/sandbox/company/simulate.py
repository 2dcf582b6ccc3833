"""Makes the demo company: one seeded year, step by step."""

from datetime import date
from typing import Final

from connectors.sandbox.company.activities import ActivitySimulation
from connectors.sandbox.company.contacts import ContactBook, build_companies
from connectors.sandbox.company.deals import DealSimulation
from connectors.sandbox.company.entities import Company
from connectors.sandbox.company.meetings import MeetingSimulation
from connectors.sandbox.company.world import build_world

DEFAULT_SEED: Final = 20


def build_company(as_of: date, *, seed: int = DEFAULT_SEED, scale: float = 1.0) -> Company:
    """Simulate the year that ends with `as_of`. The same three arguments give the same company.

    `scale` multiplies the volumes, not the people: 0.05 makes about 3,000 activities.
    """
    world = build_world(as_of, seed=seed, scale=scale)
    companies = build_companies(world, world.field_reps)
    book = ContactBook(world, companies)
    meetings = MeetingSimulation(world, book)
    deals = DealSimulation(world, book)
    deals.run(meetings.run())
    deals.delete_some()
    meetings.delete_some(kept={deal.meeting_key for deal in deals.deals if deal.meeting_key is not None})
    book.fill()
    contacts = book.freeze()
    activities = ActivitySimulation(world, contacts, meetings.meetings)
    return Company(
        as_of=as_of,
        seed=seed,
        scale=scale,
        first_day=world.story.first_day,
        reps=world.reps,
        companies=tuple(companies),
        contacts=contacts,
        calls=activities.calls(),
        emails=activities.emails(),
        meetings=tuple(meetings.meetings),
        deals=tuple(deals.deals),
        notes=activities.notes(),
        rep_by_email={rep.email: rep for rep in world.reps},
        company_by_key={company.key: company for company in companies},
        contact_by_key={contact.key: contact for contact in contacts},
    )
