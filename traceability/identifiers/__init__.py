"""GS1 identifiers: one thing, two spellings. EPC URN <-> GS1 Digital Link URI, and the canonical form to compare by.

    urn:epc:id:sgtin:9521234.012345.77  ==  https://id.gs1.org/01/09521234123450/21/77

EPC Tag Data Standard 2.0, sections 6 and 7 (the URNs); GS1 Digital Link: URI Syntax 1.2, section 4 (the web addresses).
The URN says where the company prefix ends, the Digital Link does not: a caller that wants a URN from a Digital Link
must know the prefix's length. What has no Digital Link (bic, imovn, usdod, adi, gid) is no GS1 key here.
"""

from traceability.identifiers.check_digits import check_digit, has_check_digit
from traceability.identifiers.identifier import Identifier, canonical, parse, to_urn

__all__ = ["Identifier", "canonical", "check_digit", "has_check_digit", "parse", "to_urn"]
