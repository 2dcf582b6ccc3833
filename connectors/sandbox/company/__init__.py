from connectors.sandbox.company.entities import Company
from connectors.sandbox.company.simulate import build_company
from connectors.sandbox.company.write import write_company

__all__ = ["Company", "build_company", "write_company"]
