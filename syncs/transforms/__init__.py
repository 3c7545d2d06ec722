"""Named pure functions that a mapping row chains: value in, value out, a note for whatever a person should know.

The first transform of a row gets the value of its one source, or the list of values of its several sources. Any JSON
value may come in; none of them raises for what a record holds. An empty value with a note means: there was something,
but nothing that could be sent. A note that is a Hold keeps the whole record back.
"""

from syncs.transforms.catalogue import CATALOGUE as CATALOGUE
from syncs.transforms.catalogue import GATHERING as GATHERING
from syncs.transforms.catalogue import TRANSFORMS as TRANSFORMS
from syncs.transforms.catalogue import Entry as Entry
from syncs.transforms.catalogue import Example as Example
from syncs.transforms.catalogue import by_theme as by_theme
from syncs.transforms.values import Hold as Hold
from syncs.transforms.values import Notes as Notes
from syncs.transforms.values import is_empty as is_empty
from syncs.transforms.values import plain as plain

# isort: split
# Each of these enters its transforms into the catalogue; people see the themes in this order.
from syncs.transforms import words as words  # noqa: I001  # the order is that of the themes
from syncs.transforms import patterns as patterns
from syncs.transforms import templates as templates
from syncs.transforms import choosing as choosing
from syncs.transforms import lists as lists
from syncs.transforms import numbers as numbers
from syncs.transforms import dates as dates
from syncs.transforms import contacts as contacts
from syncs.transforms import places as places
from syncs.transforms import australia as australia
from syncs.transforms.lists import fit_list as fit_list
