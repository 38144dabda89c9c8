"""Order-book physics around price levels: Databento files in, precedents out."""
