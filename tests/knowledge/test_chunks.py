from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.knowledge.chunks import LONGEST, Chunk, markdown_chunks, text_chunks
from agent.tokens import tokens


def test_each_piece_has_the_headings_above_it() -> None:
    document = """---
title: left out
---
Before any heading.

# Clinic **Ulm**
Hello.

## Hours [today](today.md)
Nine to five.

Lunch
-----
At noon.

# Prices
### Deep `code`
Free.
"""
    assert list(markdown_chunks(document)) == [
        Chunk((), "Before any heading."),
        Chunk(("Clinic Ulm",), "Hello."),
        Chunk(("Clinic Ulm", "Hours today"), "Nine to five."),
        Chunk(("Clinic Ulm", "Lunch"), "At noon."),
        Chunk(("Prices", "Deep code"), "Free."),
    ]


def test_a_heading_in_a_code_block_is_none() -> None:
    (chunk,) = markdown_chunks("# One\n```\n# two\n```\n")
    assert chunk == Chunk(("One",), "```\n# two\n```")


def test_paragraphs_stay_whole_and_share_a_piece_while_they_fit() -> None:
    paragraph = "word " * 60  # 75 tokens
    chunks = list(text_chunks("\n\n".join([paragraph] * 3)))
    assert [chunk.text.count("word") for chunk in chunks] == [120, 60]


def test_the_rows_of_a_long_table_keep_the_names_of_its_columns() -> None:
    rows = "".join(f"| room {i} | {i * 10} pounds a night with breakfast |\n" for i in range(40))
    chunks = list(markdown_chunks(f"# Rooms\n| room | price |\n|---|---|\n{rows}"))
    assert len(chunks) > 2
    assert all(chunk.text.startswith("| room | price |\n|---|---|\n| room ") for chunk in chunks)
    assert sum(chunk.text.count("pounds") for chunk in chunks) == 40


@pytest.mark.parametrize("sentence", ["She sells sea shells. ", "周一到周五上午十点开门。"])
def test_a_long_paragraph_is_cut_at_the_end_of_a_sentence(sentence: str) -> None:
    chunks = list(text_chunks(sentence * 100))
    assert len(chunks) > 2
    assert all(chunk.text.endswith(sentence.strip()[-1]) for chunk in chunks)


@given(st.text(alphabet=st.sampled_from("ab .\n#|-`九。"), max_size=3000))
def test_nothing_is_lost_and_nothing_is_too_long(document: str) -> None:
    chunks = list(text_chunks(document))
    assert all(tokens(chunk.text) <= LONGEST + 3 for chunk in chunks)
    said = "".join(chunk.text for chunk in chunks)
    for letter in "ab九":
        assert said.count(letter) >= document.count(letter)
    for chunk in markdown_chunks(document):
        assert tokens(chunk.text) <= LONGEST + 3
