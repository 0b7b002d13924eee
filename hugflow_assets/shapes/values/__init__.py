"""Values of rows on their way into the record: lines of JSON, tables of text, and their types."""
