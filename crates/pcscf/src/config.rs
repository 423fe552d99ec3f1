//! The configuration file of a P-CSCF.
