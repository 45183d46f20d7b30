"""What the agent can look up: documents of a folder, or a search service of one's own.

:class:`Folder` searches Markdown and text. A model that calls tools gets :func:`lookup_tool`; for
one that does not, :func:`informed_answer` puts the passages beside the question.
"""

from __future__ import annotations

from .folder import Folder
from .lookup import informed_answer, lookup_tool
from .passage import Knowledge, KnowledgeError, Passage

__all__ = ["Folder", "Knowledge", "KnowledgeError", "Passage", "informed_answer", "lookup_tool"]
