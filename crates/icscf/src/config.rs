//! The configuration file of an I-CSCF.
