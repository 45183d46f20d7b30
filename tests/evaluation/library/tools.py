"""What the library of the tests can do."""

from agent.authoring import ToolError, confirm

SHELF = {"Emma": 2, "Ulysses": 0}


def find(title: str) -> str:
    """Tell how many copies of a book there are.

    Args:
        title: Of the book.
    """
    if title not in SHELF:
        raise ToolError(f"There is no {title}.")
    return f"{SHELF[title]} copies"


@confirm("Shall I reserve {title} for {days} days?")
async def reserve(title: str, days: int) -> str:
    """Reserve a book.

    Args:
        title: Of the book.
        days: For how long.
    """
    return f"Reserved {title}."


def cancel(title: str) -> str:
    """Cancel a reservation.

    Args:
        title: Of the book.
    """
    return f"Cancelled {title}."
