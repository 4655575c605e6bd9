//! What `check` prints: text, JSON, Markdown.
