DROP TABLE lot_view;
DROP TABLE entry_index;
DROP TABLE follower;
