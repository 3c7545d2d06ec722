"""Made-up people of Australia, the same in every service of the sandbox. No address of theirs reaches anybody."""

import random
import unicodedata
from dataclasses import dataclass
from itertools import islice


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_FIRST = _words(
    "Aiden Aisha Alessia Amelia Angus Anh Arjun Ava Bao Bella Ben Callum Charlotte Chiara Chloe Clodagh Cooper Daniel "
    "Darcy Deepa Dimitri Ebony Eleni Ella Emily Ethan Fatima Finn Freya Gabriel Georgia Giulia Grace Hamish Hannah "
    "Harper Hassan Henry Hiroshi Imogen Indigo Isaac Isla Jack Jasmine Jayden Jin Jürgen Kavya Kirra Lachlan Layla "
    "Leila Leo Liam Linh Lucia Mai Marco Margaret Matilda Mehmet Mei Mia Min-jun Mohammed Naomi Niamh Nikos Noah Nora "
    "Oliver Omar Oscar Patrick Poppy Priya Rafael Ravi Riley Rosa Ruby Ryan Sahar Samir Saoirse Sarah Sienna Sione "
    "Siobhán Sofia Soo-ah Stavros Tahlia Tama Theo Thomas Tran Ülkü Valentina Violet William Xavier Yasmin Zara Zoë"
)
_LAST = _words(
    "Abdullah Ahmed Anderson Baker Bianchi Brown Campbell Chan Chen Cohen Costa D'Angelo Davies Demir Di_Pietro Dubois "
    "Edwards Evans Fernando Fraser García Georgiou Gupta Haddad Hall Harris Hoang Huynh Ibrahim Ivanov Jansen Johnson "
    "Jones Kapoor Kaur Kelly Khan Kim King Kowalski Kumar Lee Lim MacDonald Mahmoud Martin McCarthy Mitchell Müller "
    "Murphy Nakamura Nguyen Novak O'Brien O'Connor O'Neill Papadopoulos Park Patel Pham Phillips Reyes Robinson Romano "
    "Rossi Ryan Santos Schmidt Sharma Silva Singh Smith Smythe-Jones Stewart Suzuki Tan Taufa Taylor Thompson Tran "
    "Tuilagi Tupou Turner van_der_Berg Vella Vu Walker Wang White Williams Wilson Wong Wu Yılmaz Young Zhang"
)
_BUSINESS = (
    "{last} Family Trust", "{city} Bakery", "{last} & Sons Cafe", "{city} Dental Care", "The {city} Bowling Club",
    "{last} Property Group", "{city} Early Learning", "{last} Legal", "{last} Motors", "Strata Plan {number:05d}",
    "{city} Medical Centre", "{last} Developments",
)  # fmt: skip
_STREETS = _words(
    "Acacia Banksia Beach Bourke Church Collins Edward Elizabeth Fitzroy George Grevillea High Hunter Jacaranda King "
    "Kangaroo Macquarie Margaret Military Oxford Pacific Park Pitt Queen Railway Station Victoria Wattle Wharf William"
)
_KINDS = ("Street", "St", "Road", "Rd", "Avenue", "Ave", "Parade", "Crescent", "Lane", "Place")
#: (city, state, postcode, area code)
_PLACES = (
    ("Manly", "NSW", "2095", "02"), ("Newtown", "NSW", "2042", "02"), ("Parramatta", "NSW", "2150", "02"),
    ("Newcastle", "NSW", "2300", "02"), ("Wollongong", "NSW", "2500", "02"), ("Cronulla", "NSW", "2230", "02"),
    ("Balmain", "NSW", "2041", "02"), ("Mosman", "NSW", "2088", "02"), ("Braddon", "ACT", "2612", "02"),
    ("Carlton", "VIC", "3053", "03"), ("Geelong", "VIC", "3220", "03"), ("St Kilda", "VIC", "3182", "03"),
    ("Footscray", "VIC", "3011", "03"), ("Hobart", "TAS", "7000", "03"), ("Fortitude Valley", "QLD", "4006", "07"),
    ("Cairns", "QLD", "4870", "07"), ("Toowoomba", "QLD", "4350", "07"), ("Glenelg", "SA", "5045", "08"),
    ("Fremantle", "WA", "6160", "08"), ("Darwin City", "NT", "0800", "08"),
)  # fmt: skip
_DOMAINS = ("example.com", "example.net", "example.org", "mail.example.com", "bigpost.example.net", "home.example.org")
_TAGS = ("VIP", "Maintenance plan", "Strata", "Slow payer", "Referral", "Pensioner", "Hot water", "Gas")
_MOBILES = ("04{a} {b} {c}", "04{a}{b}{c}", "+61 4{a} {b} {c}", "04{a}-{b}-{c}", "(04{a}) {b} {c}")
_LANDLINES = ("({area}) {d} {e}", "{area} {d} {e}", "{area}{d}{e}", "+61 {zone} {d} {e}")
#: Second and third digit of mobile numbers that are given out.
_SERIES = ("00", "03", "07", "08", "11", "12", "14", "17", "18", "22", "25", "32", "38", "50", "66", "78", "87", "98")
_NATIONAL = ("1300 {b} {c}", "1300{b}{c}", "1800 {b} {c}")
#: Where in each 200 people the special ones stand.
_COMPANIES = frozenset({3, 17, 28, 41, 56, 67, 78, 92, 105, 118, 133, 149, 160, 177, 192})
_LEADS = frozenset({25, 88, 141, 186})
_ARCHIVED = frozenset({47, 112, 173})
_PHONES = {30: ("0412 345 678",), 31: ("(02) 9123 4567",), 32: ("+61 412 345 678 after 5pm",)}


@dataclass(frozen=True, slots=True)
class Person:
    """A client-to-be. `number` counts from 1; `company` is '' for a household; texts are '' where there is none."""

    number: int
    first: str
    last: str
    company: str
    title: str
    email: str
    other_emails: tuple[str, ...]
    phones: tuple[str, ...]
    street1: str
    street2: str
    city: str
    state: str
    postcode: str
    country: str
    tags: tuple[str, ...]
    gate_code: str
    is_lead: bool
    is_archived: bool


def people(count: int, seed: int = 1) -> list[Person]:
    """Always the same for a seed, and people(10) are the first ten of people(200).

    Emails are unique, but 11 and 12 of seed 1 share one; 20 has none. In each 200: 15 companies, 4 leads, 3 archived.
    """
    taken: set[str] = set()
    found: list[Person] = []
    for number in range(1, count + 1):
        shared = found[10].email if number == 12 and seed == 1 else ""
        found.append(_person(number, seed, taken, shared))
    return found


def _person(number: int, seed: int, taken: set[str], shared: str) -> Person:
    dice = random.Random(f"{seed}:{number}")  # noqa: S311  # made-up people, no secrets
    place = number % 200 or 200
    city, state, postcode, area = dice.choice(_PLACES)
    first, last = dice.choice(_FIRST), dice.choice(_LAST).replace("_", " ")
    business = dice.choice(_BUSINESS).format(last=last, city=city, number=dice.randrange(1000, 99999))
    company = business if place in _COMPANIES else ""
    special = seed == 1 and number <= 200
    title = "Dr." if dice.random() < 0.06 else ""
    nobody = special and number == 20
    email = shared or _email(dice, first, last, taken)
    others = (_email(dice, f"{first} work", last, taken),) if dice.random() < 0.08 else ()
    return Person(
        number=number,
        first=first,
        last=last,
        company=company,
        title=title,
        email="" if nobody else email,
        other_emails=() if nobody else others,
        phones=(_PHONES.get(number) if special else None) or tuple(islice(_numbers(dice, area, company), 2)),
        street1=f"{dice.randrange(1, 240)} {dice.choice(_STREETS)} {dice.choice(_KINDS)}",
        street2=f"Unit {dice.randrange(1, 40)}" if dice.random() < 0.2 else "",
        city=city,
        state=state,
        postcode=postcode,
        country="Australia",
        tags=tuple(sorted(dice.sample(_TAGS, dice.choice((0, 0, 0, 1, 1, 2))))),
        gate_code=f"#{dice.randrange(1000, 9999)}" if dice.random() < 0.15 else "",
        is_lead=place in _LEADS,
        is_archived=place in _ARCHIVED,
    )


def _email(dice: random.Random, first: str, last: str, taken: set[str]) -> str:
    stem = dice.choice(("{0}.{1}", "{0}{1}", "{0}_{1}", "{2}.{1}")).format(
        _plain(first), _plain(last), _plain(first)[0]
    )
    domain = dice.choice(_DOMAINS)
    address, number = f"{stem}@{domain}", 2
    while address in taken:
        address, number = f"{stem}{number}@{domain}", number + 1
    taken.add(address)
    return address


def _plain(name: str) -> str:
    """'Müller' -> 'muller', "O'Brien" -> 'obrien'."""
    text = unicodedata.normalize("NFKD", name.lower().replace("ı", "i"))
    return "".join(c for c in text if c.isascii() and (c.isalnum() or c == "."))


def _numbers(dice: random.Random, area: str, company: str) -> list[str]:
    """A mobile nearly always, a second number now and then."""
    found = []
    if company and dice.random() < 0.5:
        found.append(_number(dice, _NATIONAL, area))
    if dice.random() < 0.92:
        found.append(_number(dice, _MOBILES, area))
    if not found or dice.random() < 0.2:
        found.append(_number(dice, _LANDLINES, area))
    return found


def _number(dice: random.Random, spellings: tuple[str, ...], area: str) -> str:
    return dice.choice(spellings).format(
        a=dice.choice(_SERIES),
        b=dice.randrange(100, 1000),
        c=dice.randrange(100, 1000),
        area=area,
        zone=area[1:],
        d=dice.choice("89") + str(dice.randrange(600, 1000)),
        e=dice.randrange(1000, 10000),
    )
