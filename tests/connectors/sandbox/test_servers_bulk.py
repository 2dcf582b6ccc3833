"""Bulk 2.0 queries as simple-salesforce meets them."""

import csv
import io

from simple_salesforce import Salesforce


def test_bulk_results_come_in_pages_with_the_same_rows_as_rest(salesforce: Salesforce) -> None:
    soql = "SELECT Id, Subject, SystemModstamp, IsDeleted FROM Task ORDER BY Id"

    pages = list(salesforce.bulk2.Task.query_all(soql, max_records=2_000, wait=0))

    rows = [row for page in pages for row in csv.DictReader(io.StringIO(page))]
    rest = list(salesforce.query_all_iter(soql, include_deleted=True))
    assert len(pages) == 3
    assert [(row["Id"], row["Subject"]) for row in rows] == [(row["Id"], row["Subject"]) for row in rest]
    assert rows[0]["SystemModstamp"] == rest[0]["SystemModstamp"].replace("+0000", "Z")
    assert [row["IsDeleted"] for row in rows[:2]] == ["true", "false"]


def test_bulk_text_keeps_line_ends_quotes_and_writes_null_as_nothing(salesforce: Salesforce) -> None:
    (page,) = salesforce.bulk2.Account.query(
        "SELECT Name, Industry, Owner.UserRole.Name FROM Account ORDER BY Id", wait=0
    )

    rows = list(csv.reader(io.StringIO(page)))
    assert rows[0] == ["Name", "Industry", "Owner.UserRole.Name"]
    assert rows[2] == ["O'Hara & Co", "", ""]
    assert rows[5] == ['Line\none, "two"', "Energy", "Inside Sales"]


def test_a_job_must_end_before_its_results_are_read(salesforce: Salesforce) -> None:
    url = f"{salesforce.bulk2_url}query"
    made = salesforce.session.post(
        url, json={"operation": "query", "query": "SELECT Id FROM Account"}, headers=salesforce.headers
    )

    too_early = salesforce.session.get(f"{url}/{made.json()['id']}/results", headers=salesforce.headers)
    aborted = salesforce.session.patch(
        f"{url}/{made.json()['id']}", json={"state": "Aborted"}, headers=salesforce.headers
    )

    assert (made.json()["state"], too_early.status_code) == ("UploadComplete", 400)
    assert aborted.json()["state"] == "Aborted"
