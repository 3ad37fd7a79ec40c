"""Read and write zip archives for npz: stored or deflated files in, stored files out; lengths are checked before use.

Source: PKWARE APPNOTE 6.3, sections 4.3 and 4.5.3.
"""
