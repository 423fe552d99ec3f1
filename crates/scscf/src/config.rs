//! The configuration file of an S-CSCF.
