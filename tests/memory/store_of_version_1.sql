BEGIN TRANSACTION;
CREATE TABLE calls (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	call_id VARCHAR NOT NULL, 
	turn INTEGER NOT NULL, 
	place INTEGER NOT NULL, 
	tool VARCHAR NOT NULL, 
	arguments JSON NOT NULL, 
	text TEXT NOT NULL, 
	data JSON NOT NULL, 
	error BOOLEAN NOT NULL, 
	seconds FLOAT NOT NULL, 
	PRIMARY KEY (conversation, call_id), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "calls" VALUES('0123456789abcdef0123456789abcdef','local','c1',1,0,'count','{"phrases": ["orange"]}','1 orange','{"n": 1}',0,0.5);
CREATE TABLE conversations (
	id VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	created FLOAT NOT NULL, 
	revision INTEGER NOT NULL, 
	turns INTEGER NOT NULL, 
	position INTEGER NOT NULL, 
	tip INTEGER NOT NULL, 
	picture INTEGER, 
	pictures_used INTEGER NOT NULL, 
	gestures_used INTEGER NOT NULL, 
	objects_used INTEGER NOT NULL, 
	PRIMARY KEY (id)
);
INSERT INTO "conversations" VALUES('0123456789abcdef0123456789abcdef','local',1.79527484106812477114e+09,1,1,1,1,1,1,1,2);
CREATE TABLE gestures (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	picture INTEGER NOT NULL, 
	kind VARCHAR NOT NULL, 
	coordinates JSON NOT NULL, 
	PRIMARY KEY (conversation, number), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "gestures" VALUES('0123456789abcdef0123456789abcdef','local',1,1,1,'stroke','[[3.0, 2.0], [4.0, 2.0]]');
CREATE TABLE meta (
	"key" VARCHAR NOT NULL, 
	value INTEGER NOT NULL, 
	PRIMARY KEY ("key")
);
INSERT INTO "meta" VALUES('schema',1);
INSERT INTO "meta" VALUES('store',1229265474);
INSERT INTO "meta" VALUES('pictures',1);
INSERT INTO "meta" VALUES('unscrubbed',0);
CREATE TABLE openings (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	turn INTEGER NOT NULL, 
	picture INTEGER NOT NULL, 
	PRIMARY KEY (conversation, turn, picture), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "openings" VALUES('0123456789abcdef0123456789abcdef','local',1,1);
CREATE TABLE pictures (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	digest VARCHAR(64) NOT NULL, 
	width INTEGER NOT NULL, 
	height INTEGER NOT NULL, 
	name TEXT NOT NULL, 
	PRIMARY KEY (conversation, number), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "pictures" VALUES('0123456789abcdef0123456789abcdef','local',1,'e82dd89b829e03e0e8c6e58dcb6840d6223d5edc5b3ca18424cb04d7785572cc',8,8,'shade-100.png');
CREATE TABLE turns (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	number INTEGER NOT NULL, 
	committed FLOAT NOT NULL, 
	kind VARCHAR NOT NULL, 
	request TEXT NOT NULL, 
	answer TEXT NOT NULL, 
	click JSON, 
	forgotten BOOLEAN NOT NULL, 
	"before" INTEGER, 
	selection JSON, 
	picture INTEGER, 
	PRIMARY KEY (conversation, number), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "turns" VALUES('0123456789abcdef0123456789abcdef','local',1,1.79527484124998116489e+09,'change','count the oranges','There is 1 orange.','[3, 2]',0,0,'[1]',1);
CREATE TABLE versions (
	conversation VARCHAR(32) NOT NULL, 
	owner VARCHAR NOT NULL, 
	object INTEGER NOT NULL, 
	version INTEGER NOT NULL, 
	turn INTEGER NOT NULL, 
	picture INTEGER NOT NULL, 
	label TEXT NOT NULL, 
	score FLOAT, 
	x0 FLOAT NOT NULL, 
	y0 FLOAT NOT NULL, 
	x1 FLOAT NOT NULL, 
	y1 FLOAT NOT NULL, 
	mask_height INTEGER, 
	mask_width INTEGER, 
	mask_counts BLOB, 
	area INTEGER NOT NULL, 
	parent_object INTEGER, 
	parent_version INTEGER, 
	prompts JSON NOT NULL, 
	candidate INTEGER NOT NULL, 
	predicted_iou FLOAT, 
	stability FLOAT, 
	model TEXT NOT NULL, 
	review BOOLEAN NOT NULL, 
	PRIMARY KEY (conversation, object, version), 
	FOREIGN KEY(conversation) REFERENCES conversations (id) ON DELETE CASCADE
);
INSERT INTO "versions" VALUES('0123456789abcdef0123456789abcdef','local',1,1,1,1,'orange',0.75,2.0,1.0,6.0,4.0,8,8,X'6130333530303030303F',12,NULL,NULL,'[{"phrase": "orange"}]',2,0.5,0.25,'test',0);
INSERT INTO "versions" VALUES('0123456789abcdef0123456789abcdef','local',2,1,1,1,'leaf',NULL,1.0,2.0,3.0,4.0,NULL,NULL,NULL,0,NULL,NULL,'[]',0,NULL,NULL,'',0);
CREATE INDEX conversations_of_owner ON conversations (owner, created);
CREATE INDEX ix_pictures_digest ON pictures (digest);
COMMIT;
