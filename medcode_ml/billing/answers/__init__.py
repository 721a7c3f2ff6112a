"""What payers answer: 999 and TA1, 277CA and 835 files, read, balanced, matched to our claims, and their denials.

Reading is in `reading`, matching in `matching`, denials in `denials`: pure, bytes and frames in, frames out. Files are
landed by `arrivals`; `stage` writes what they say to the warehouse, a day in one transaction.
"""
