"""What payers answer: 999 and TA1, 277CA and 835 files, read, balanced, matched to our claims, and their denials.

Pure: bytes and frames in, frames out. Reading is in `reading`, matching in `matching`, denials in `denials`.
"""
